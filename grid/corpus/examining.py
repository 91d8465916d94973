"""Owns the decision on one protocol row: the file is read whole, and it becomes an utterance or a rejection."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePath

from grid.corpus.audio import MISSING, UnusableAudioError, read_audio
from grid.corpus.manifest import KEYS, SPLITS, Utterance
from grid.corpus.protocol import ProtocolRow
from grid.identity import file_digest

NO_ID = "no-id"
DUPLICATE_ID = "duplicate-id"
BAD_KEY = "bad-key"
BAD_SPLIT = "bad-split"
BAD_PENDING = "bad-pending"
OUTSIDE_ROOT = "outside-root"
SHA256_MISMATCH = "sha256-mismatch"
UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Rejection:
    """Why a row is not in the manifest; `reason` is a word of this module or of grid.corpus.audio."""

    utterance_id: str
    path: str
    reason: str
    detail: str
    line: int


def rejected(row: ProtocolRow, reason: str, detail: str) -> Rejection:
    """The rejection of `row`."""
    return Rejection(row.utterance_id, row.path, reason, detail, row.line)


def examine(row: ProtocolRow, root: Path) -> Utterance | Rejection:
    """Reads the row's file under `root`, which must be resolved; never raises for what may be wrong with one file."""
    if not row.utterance_id.strip():
        return rejected(row, NO_ID, "the utterance id is empty")
    if row.key not in KEYS:
        return rejected(row, BAD_KEY, f"{row.key!r} is not one of {', '.join(KEYS)}")
    if row.split not in SPLITS:
        return rejected(row, BAD_SPLIT, f"{row.split!r} is not one of {', '.join(SPLITS)}")
    if row.pending and (row.attack or not row.codec):
        return rejected(row, BAD_PENDING, "a pending row is a recording with the codec to apply, and no attack")
    try:
        return _read(row, root)
    except UnusableAudioError as error:
        return rejected(row, error.reason, error.detail)
    except (OSError, ValueError) as error:
        # ValueError: a path with a NUL character
        return rejected(row, UNREADABLE, f"{type(error).__name__}: {error}")


def _read(row: ProtocolRow, root: Path) -> Utterance | Rejection:
    file = (root / row.path).resolve()
    if not file.is_relative_to(root):
        return rejected(row, OUTSIDE_ROOT, f"leads to {file}, outside of {root}")
    if not file.is_file():
        return rejected(row, MISSING, f"no such file: {file}")
    sha256 = file_digest(file)
    if row.sha256 is not None and row.sha256.lower() != sha256:
        return rejected(row, SHA256_MISMATCH, f"the protocol says {row.sha256}, the file has {sha256}")
    audio = read_audio(file)
    return Utterance(
        utterance_id=row.utterance_id,
        speaker=row.speaker,
        split=row.split,
        key=row.key,
        attack=row.attack,
        codec=row.codec,
        origin=row.origin or row.utterance_id,
        source=row.source,
        path=_relative(row.path, file, root),
        seconds=audio.seconds,
        samples=len(audio.samples),
        sample_rate=audio.sample_rate,
        channels=audio.channels,
        sha256=sha256,
        pending=row.pending,
    )


def _relative(path: str, file: Path, root: Path) -> str:
    """The path from the root as the protocol has it, unless that is absolute or goes up, in POSIX form."""
    given = PurePath(path)
    plain = given if not given.is_absolute() and ".." not in given.parts else file.relative_to(root)
    return plain.as_posix()
