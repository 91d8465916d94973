"""Makes an ASVspoof 5 of any size: protocols as released, and one short FLAC under the names of all recordings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.asvspoof_trees import write_lines
from tests.support.speechlike import write_tone

FILES = {
    "train": ("ASVspoof5.train.tsv", "flac_T", "T"),
    "dev": ("ASVspoof5.dev.track_1.tsv", "flac_D", "D"),
    "test": ("ASVspoof5.eval.track_1.tsv", "flac_E_eval", "E"),
}


@dataclass(frozen=True)
class Size:
    """Of one split: `speakers` with `recordings` each; those after the first `spoofed` have no spoofed utterance."""

    speakers: int
    recordings: int
    spoofed: int


def write_asvspoof5(folder: Path, sizes: dict[str, Size]) -> Path:
    """The folder; half of the recordings of test exist once more, transmitted through a codec."""
    audio = write_tone(folder / "one.flac", 1600)
    for split, size in sizes.items():
        protocol, flacs, letter = FILES[split]
        (folder / flacs).mkdir(parents=True)
        lines = list(_lines(letter, size))
        write_lines(folder / "ASVspoof5_protocols" / protocol, lines)
        for line in lines:
            if line.split()[8] == "bonafide":
                os.link(audio, folder / flacs / f"{line.split()[1]}.flac")
    return folder


def _lines(letter: str, size: Size) -> Iterator[str]:
    number = 0
    for speaker in range(size.speakers):
        name = f"{letter}_{speaker:04d}"
        if speaker < size.spoofed:
            number += 1
            yield f"{name} {letter}_{number:010d} F - - - AC1 A09 spoof -"
        for _ in range(size.recordings):
            number += 1
            recording = f"{letter}_{number:010d}"
            yield f"{name} {recording} F - - - - bonafide bonafide -"
            if letter == "E" and number % 2:
                number += 1
                yield f"{name} {letter}_{number:010d} F C05 2 {recording} - bonafide bonafide -"
