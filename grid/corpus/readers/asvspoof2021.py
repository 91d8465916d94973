"""Reads ASVspoof 2021 LA and DF from their keys (Liu et al., IEEE/ACM TASLP 2023); all trials are of the split test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from grid.core.errors import RequestError, unknown_name
from grid.corpus.protocol import (
    Corpus,
    ProtocolRow,
    check_attack,
    parse_choices,
    parse_key,
    parse_names,
    protocol_lines,
)
from grid.corpus.readers import READERS

TRACKS = ("LA", "DF")
PHASES = ("eval", "progress", "hidden")

_KEYS = "CM/trial_metadata.txt"
_SYNONYMS = {"hidden_track": "hidden"}  # the DF evaluation script's word for the phase
_FIELDS = {"LA": 8, "DF": 13}
_NO_CODEC = ("none", "nocodec", "-")
_NEAR = 4  # folders above the keys in which the audio is searched for


@READERS.register("asvspoof2021")
def rows(
    path: Path, *, track: str | None = None, phase: str | Sequence[str] = "eval", root: str | None = None
) -> Corpus:
    """The trials of one track, LA or DF, of the phases `phase` (eval, progress, hidden).

    `path` is trial_metadata.txt, or a folder with it in keys/<track>/CM, <track>/CM or CM; `track` may be left out if
    only one track exists. `root` holds ASVspoof2021_<track>_eval/flac (default:
    searched near the keys). Transmission codec and line of LA, codec and corpus of DF are in the column `source`
    (asvspoof2021-la/alaw/ita_tx, asvspoof2021-df/mp3m4a/vcc2018), without the codec for untransmitted trials: they are
    the channel of recordings and attacks alike and make neither CoRS nor CoSG.

    Raises RequestError for unknown tracks and phases, for keys of both tracks or of none, and with file and line for a
    wrong number of fields, an unknown phase, a repeated id and a key that contradicts the attack.
    """
    if track is not None and track not in TRACKS:
        raise unknown_name("track", track, TRACKS)
    phases = parse_choices([_SYNONYMS.get(name, name) for name in parse_names(phase)], "phase", PHASES)
    name, keys = _keys(path, (track,) if track else TRACKS)
    return Corpus(Path(root) if root else _root(keys, name), _rows(keys, name, phases), keys)


def _keys(path: Path, tracks: Sequence[str]) -> tuple[str, Path]:
    """The track and its trial_metadata.txt."""
    if path.is_file():
        return _track_of(path, tracks), path
    keys_of = {
        track: keys
        for track in tracks
        for inner in (f"keys/{track}", track, f"{track}-keys-full/keys/{track}")
        if (keys := path / inner / _KEYS).is_file()
    }
    plain = path / _KEYS
    if not keys_of and plain.is_file():
        return _track_of(plain, tracks), plain
    if len(keys_of) != 1:
        state = f"keys of {' and '.join(keys_of)}" if keys_of else f"no keys/{{{','.join(tracks)}}}/{_KEYS}"
        raise RequestError(f"{path}: {state}; give trial_metadata.txt or the folder keys, and --option track=LA or DF")
    return keys_of.popitem()


def _track_of(keys: Path, tracks: Sequence[str]) -> str:
    """The track by the number of fields of the first line, which LA and DF do not share."""
    line = next(protocol_lines(keys, _FIELDS.values(), id_field=1), None)
    track = next((name for name, size in _FIELDS.items() if line and len(line.fields) == size), None)
    if track not in tracks:
        raise RequestError(f"{keys}: these are the keys of {track or 'nothing'}, not of {' or '.join(tracks)}")
    return str(track)


def _audio(track: str) -> str:
    return f"ASVspoof2021_{track}_eval/flac"


def _root(keys: Path, track: str) -> Path:
    """The nearest folder above the keys that holds the audio, else the one that holds the folder keys."""
    above = list(keys.resolve().parents)
    return next((f for f in above[: _NEAR + 2] if (f / _audio(track)).is_dir()), above[min(3, len(above) - 1)])


def _rows(keys: Path, track: str, phases: tuple[str, ...]) -> Iterator[ProtocolRow]:
    for line in protocol_lines(keys, (_FIELDS[track],), id_field=1):
        # the same in LA and DF, except [3]: the transmission line of LA, the corpus of DF
        speaker, utterance, codec, place, attack, label, _, phase = line.fields[:8]
        if _SYNONYMS.get(phase, phase) not in PHASES:
            raise unknown_name("phase", phase, PHASES, where=line.where)
        if _SYNONYMS.get(phase, phase) not in phases:
            continue
        key = parse_key(label, line.where)
        attack = "" if attack in ("-", "bonafide") else attack
        check_attack(key, attack, line.where)
        yield ProtocolRow(
            utterance_id=utterance,
            path=f"{_audio(track)}/{utterance}.flac",
            speaker=speaker,
            split="test",
            key=key,
            attack=attack,
            source="/".join([f"asvspoof2021-{track.lower()}", *_channel(codec, place)]),
            line=line.number,
        )


def _channel(codec: str, place: str) -> list[str]:
    return [part for part in ("" if codec in _NO_CODEC else codec, place) if part not in ("", "-")]
