"""Makes small copies of the releases of ASVspoof, line for line as theirs are written, with real FLAC files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.support.speechlike import write_tone


def write_lines(path: Path, lines: Iterable[str], *, end: str = "\n") -> Path:
    """A text file; `end` is what follows its last line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + end)
    return path


def write_flacs(folder: Path, names: Iterable[str], *, frames: int = 1600) -> None:
    """A tone of its own for each name."""
    for seed, name in enumerate(names):
        write_tone(folder / f"{name}.flac", frames, seed=seed)
