"""Owns what a protocol says of a corpus before its audio was looked at: its rows, and the spellings of keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from grid.corpus.manifest import BONAFIDE, SPLITS, SPOOF
from grid.errors import RequestError, unknown_name

# met in the protocols of ASVspoof, CodecFake, CodecFake+, speech_df_arena and their baselines; case does not matter
_SPELLINGS = {
    **dict.fromkeys(("bonafide", "bona-fide", "bona fide", "genuine", "real"), BONAFIDE),
    **dict.fromkeys(("spoof", "spoofs", "spoofing", "fake"), SPOOF),
}


@dataclass(frozen=True)
class ProtocolRow:
    """One utterance as a protocol names it.

    `path` is relative to the corpus root; `key` is bonafide or spoof; `attack` and `codec` are "" for none; `origin` is
    the utterance_id of the recording it was made from, "" for itself; `sha256` is of the file's bytes, None if the
    protocol does not say; `line` is where it stands in the protocol, 0 if nowhere. A `pending` row has its recording's
    path, and `codec` has still to be applied to it: rendering does that.
    """

    utterance_id: str
    path: str
    speaker: str = ""
    split: str = "test"
    key: str = BONAFIDE
    attack: str = ""
    codec: str = ""
    origin: str = ""
    source: str = ""
    sha256: str | None = None
    line: int = 0
    pending: bool = False


@dataclass(frozen=True)
class Corpus:
    """A corpus that was found but not yet looked into: the folder its paths start from, and its rows in protocol order.

    `rows` may be a generator; it is gone through once. `protocol` is the file or folder the rows come from.
    """

    root: Path
    rows: Iterable[ProtocolRow]
    protocol: Path


def parse_key(spelling: str, where: str) -> str:
    """`bonafide` or `spoof` for any known spelling; RequestError, which names `where` (file:line), for another one."""
    key = _SPELLINGS.get(spelling.strip().lower())
    if key is None:
        raise unknown_name("key", spelling, _SPELLINGS, where=where)
    return key


def parse_split(name: str, where: str) -> str:
    """`name` if it is train, dev or test, else RequestError, which names `where`."""
    if name not in SPLITS:
        raise unknown_name("split", name, SPLITS, where=where)
    return name


def existing(path: str | Path, *, folder: bool) -> Path:
    """`path`, if it is a folder (or a file); RequestError otherwise."""
    path = Path(path)
    if not (path.is_dir() if folder else path.is_file()):
        other = "it is a file" if path.is_file() else "it is a folder" if path.is_dir() else "there is nothing"
        raise RequestError(f"{path}: expected {'a folder' if folder else 'a file'}, {other}")
    return path
