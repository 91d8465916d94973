"""Makes small grids over the bundled sample, rendered in this process: the real path, on little audio."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from grid.core.store import Store
from grid.core.vocabulary import SAMPLE_RATE
from grid.corpus.audio import read_audio
from grid.corpus.imported import sample_protocol, sample_root
from grid.resynthesis.rendition_audio import RenditionAudio
from tests.support.tiny_grid import Tiny, write_experiment

SAMPLE = {"name": "sample", "reader": "csv", "path": "sample"}
LONGER = {"name": "longer", "reader": "csv", "path": "longer/protocol.csv"}
EVALUATIONS = {"CoRS-spoof": {"bonafide": "raw", "spoof": "cors"}}


def sample_grid(folder: Path, corpus: dict[str, str], selections: list[str], recipe: dict[str, Any]) -> Tiny:
    """A grid whose cells tell recordings from their CoRS with LFCC-LCNN-small; not rendered yet."""
    axes = {"selections": selections, "policies": ["spoof"], "detectors": ["lfcc-lcnn-small"]}
    config = write_experiment(folder, corpora=[corpus], evaluations=EVALUATIONS, grid=axes, recipe=recipe)
    return Tiny(config, Store.open(folder / "results"))


def sample_waveforms() -> list[NDArray[np.float32]]:
    """The 64 utterances of the sample, 1.5 to 2.5 s each, `(samples,)` at 16 kHz."""
    with sample_protocol().open(encoding="utf-8") as stream:
        return [read_audio(sample_root() / row["path"]).samples for row in csv.DictReader(stream)]


def write_longer_corpus(folder: Path, utterances: int, in_a_row: tuple[int, ...] = (2,)) -> None:
    """FLAC files and their protocol; the last two are dev and test.

    They take turns to be as many utterances of the sample, of 1.5 to 2.5 s, as `in_a_row` says: 3 to 5 s each for two.
    """
    (folder / "longer").mkdir()
    parts, rng = sample_waveforms(), np.random.default_rng(0)
    with (folder / "longer" / "protocol.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["utterance_id", "path", "speaker", "split", "key"])
        for number, split in enumerate(["train"] * (utterances - 2) + ["dev", "test"]):
            chosen = [parts[i] for i in rng.integers(len(parts), size=in_a_row[number % len(in_a_row)])]
            soundfile.write(folder / "longer" / f"{number:04d}.flac", np.concatenate(chosen), SAMPLE_RATE)
            writer.writerow([f"{number:04d}", f"{number:04d}.flac", "sample", split, "bonafide"])


def write_files(audio: RenditionAudio, folder: Path, suffix: str) -> list[Path]:
    """The utterances of a rendition as PCM16 files of their own, in its order."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{name}{suffix}" for name in audio.ids]
    for row, file in enumerate(files):
        soundfile.write(file, audio.waveform(row), SAMPLE_RATE, subtype="PCM_16")
    return files
