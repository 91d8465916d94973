"""Reads track 1 of ASVspoof 5 from its released protocols or from those of the challenge (Wang et al., 2024)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from grid.core.errors import RequestError
from grid.core.vocabulary import SPLITS
from grid.corpus.protocol import (
    Corpus,
    Line,
    ProtocolRow,
    check_attack,
    parse_choices,
    parse_key,
    protocol_lines,
    require_path,
)
from grid.corpus.readers import READERS

SOURCE = "asvspoof5"
"""The source of utterances without transmission codec; others have its name appended, such as asvspoof5/C05."""

# released .tsv files, separated by spaces despite their name, else those of the challenge phase
FILES = {
    "train": ("ASVspoof5.train.tsv", "ASVspoof5.train.metainfor.txt"),
    "dev": ("ASVspoof5.dev.track_1.tsv", "ASVspoof5.dev.metainfor.txt"),
    "test": ("ASVspoof5.eval.track_1.tsv",),
}
FOLDERS = {"train": "flac_T", "dev": "flac_D", "test": "flac_E_eval"}
DISJOINT_SPEAKERS = "ASVspoof 5 (Wang et al. 2025, arXiv 2502.08857, abstract)"
"""The source of the promise that no speaker is in two splits."""

_PROTOCOLS = "ASVspoof5_protocols"
_RELEASED, _CHALLENGE = 10, 6
_NONE = "-"


@READERS.register("asvspoof5")
def rows(path: Path, *, splits: str | Sequence[str] = SPLITS, root: str | None = None) -> Corpus:
    """The utterances of ASVspoof 5, track 1; its eval is test, ids are those of the corpus, such as E_0009538969.

    `path` is the folder of the protocols, or the one that has ASVspoof5_protocols; `root` has flac_T, flac_D and
    flac_E_eval (default: searched near the protocols). The transmission codec of eval, C01 to C11, is in the column
    `source` and not in `codec`: it is the channel of recordings and attacks alike and makes neither CoRS nor CoSG.
    Note that C04 is EnCodec and C07 MP3 with EnCodec.

    Raises RequestError for a missing protocol of `splits`, and with file and line for a number of fields other than 10
    or 6, a repeated id and a key that contradicts the attack.
    """
    names = parse_choices(splits, "split", SPLITS)
    protocols = {split: _protocol(require_path(path, folder=True), split) for split in names}
    folder = protocols[names[0]].parent
    return Corpus(Path(root) if root else _root(folder), _rows(protocols), folder, DISJOINT_SPEAKERS)


@dataclass(frozen=True)
class _Trial:
    speaker: str
    utterance: str
    codec: str
    attack: str
    label: str


def _protocol(path: Path, split: str) -> Path:
    for folder in (path, path / _PROTOCOLS):
        for name in FILES[split]:
            if (folder / name).is_file():
                return folder / name
    raise RequestError(
        f"{path}: {' or '.join(FILES[split])} is not there, nor in {_PROTOCOLS}. "
        "Without it, say which splits: --option splits=train,dev"
    )


def _root(protocols: Path) -> Path:
    candidates = (protocols, protocols.parent)
    return next((f for f in candidates if any((f / a).is_dir() for a in FOLDERS.values())), protocols)


def _rows(protocols: dict[str, Path]) -> Iterator[ProtocolRow]:
    for split, protocol in protocols.items():
        for line in protocol_lines(protocol, (_CHALLENGE, _RELEASED), id_field=1):
            trial = _trial(line)
            key = parse_key(trial.label, line.where)
            check_attack(key, trial.attack, line.where)
            yield ProtocolRow(
                utterance_id=trial.utterance,
                path=f"{FOLDERS[split]}/{trial.utterance}.flac",
                speaker=trial.speaker,
                split=split,
                key=key,
                attack=trial.attack,
                source=f"{SOURCE}/{trial.codec}" if trial.codec else SOURCE,
                line=line.number,
            )


def _trial(line: Line) -> _Trial:
    """The trial of a line; the released files have `bonafide` as the attack of bona fide trials."""
    if len(line.fields) == _RELEASED:
        speaker, utterance, _, codec, _, _, _, attack, label, _ = line.fields
    else:
        speaker, utterance, _, _, attack, label = line.fields
        codec = _NONE
    attack = "" if attack in (_NONE, "bonafide") else attack
    return _Trial(speaker, utterance, "" if codec == _NONE else codec, attack, label)
