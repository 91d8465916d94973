"""Makes a tiny experiment in a folder: synthetic utterances, a small detector, a short recipe; and renders it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import yaml
from numpy.typing import NDArray

from grid.core.record import Record, read_record
from grid.core.store import Store
from grid.core.vocabulary import SPLITS
from grid.corpus.imported import StoredCorpus, register_corpus
from grid.experiment.grid import Grid, load_experiment, resolve
from grid.resynthesis.plan import RenderJob, plan_render, shards_to_do
from grid.resynthesis.processor import build_processor
from grid.resynthesis.render import ShardRenderer, finish_render
from grid.resynthesis.rendition import Rendition

SAMPLE_RATE = 16_000
COLUMNS = ("utterance_id", "path", "speaker", "split", "key", "attack", "origin", "source")

DETECTOR: dict[str, Any] = {
    "name": "tiny",
    "input": {"level": "rms", "dbfs": -26.0},
    "frontend": {"name": "lfcc", "options": {"filters": 20}},
    "backend": {"name": "lcnn", "options": {"channels": [4, 4, 4, 4, 4], "recurrent": True, "dropout": 0.3}},
}
RECIPE: dict[str, Any] = {
    "epochs": 2,
    "batch_size": 8,
    "optimiser": {"learning_rate": 0.002},
    "crop": {"samples": 4800},
}
GRID: dict[str, Any] = {
    "selections": ["opus-6kbps", "gsm-06.10", "mu-law"],
    "policies": ["none", "bonafide", "spoof"],
    "detectors": ["tiny"],
    "seeds": [0],
}
EXPERIMENT: dict[str, Any] = {
    "name": "tiny",
    "corpora": [{"name": "tiny", "reader": "csv", "path": "corpus/protocol.csv"}],
    "attacks": [],
    "evaluations": {
        "raw": {"bonafide": "raw", "spoof": "attack"},
        "cors": {"bonafide": ["raw", "cors"], "spoof": "attack", "by": "bonafide-codec"},
    },
    "bootstrap": {"replicates": 100},
    "resources": {"codec_workers": 1},
}


@dataclass(frozen=True)
class Tiny:
    """A tiny experiment: its file, its store, and the grid that they make."""

    config: Path
    store: Store

    @property
    def grid(self) -> Grid:
        """The grid as the file says now."""
        return resolve(self.config, self.store)

    def corpora(self) -> dict[str, StoredCorpus]:
        """Imports the corpora into the store."""
        experiment, _ = load_experiment(self.config)
        return {c.name: register_corpus(self.store, c, experiment.folder) for c in experiment.all_corpora()}

    def corpus(self) -> StoredCorpus:
        """Imports the only corpus into the store."""
        (corpus,) = self.corpora().values()
        return corpus

    def rendered(self) -> Grid:
        """Renders all that the grid needs, in this process; what is there already is left."""
        corpora, grid = self.corpora(), self.grid
        for rendition in grid.renditions:
            if read_record(self.store, rendition.folder) is None:
                render(self.store, rendition, plan_render(self.store, rendition, corpora[rendition.corpus.name]))
        return grid


def tiny(folder: Path, *, corpus: dict[str, Any] | None = None, **changes: Any) -> Tiny:
    """The experiment in `folder`, its store in `folder/results`; arguments as `write_corpus` and `write_experiment`."""
    write_corpus(folder / "corpus", **(corpus or {}))
    return Tiny(write_experiment(folder, **changes), Store.open(folder / "results"))


def write_experiment(
    folder: Path, *, recipe: dict[str, Any] | None = None, grid: dict[str, Any] | None = None, **fields: Any
) -> Path:
    """The experiment file `folder/tiny.yaml` with its recipe and detector beside it.

    `recipe` and `grid` change single keys of those, `fields` replace keys of the experiment.
    """
    content = {**EXPERIMENT, "recipe": "tiny", "grid": GRID | (grid or {}), **fields}
    write_yaml(folder / "recipes" / "tiny.yaml", RECIPE | (recipe or {}))
    write_yaml(folder / "detectors" / "tiny.yaml", DETECTOR)
    return write_yaml(folder / "tiny.yaml", content)


def write_yaml(path: Path, content: dict[str, Any]) -> Path:
    """`content` as a YAML file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def write_corpus(folder: Path, *, speakers: int = 2, utterances: int = 2, spoof: bool = True) -> Path:
    """WAV files of 0.3 to 0.5 s and their protocol: per split `speakers`, each with `utterances` recordings.

    With `spoof` the corpus brings an attack of its own, `buzz`: one spoofed utterance for each recording.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "protocol.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for split in SPLITS:
            for speaker in range(speakers):
                for number in range(utterances):
                    name = f"{split}-s{speaker}-u{number}"
                    _write(folder, name, waveform(name, 100.0 + 40 * speaker, 4800 + 1600 * (number % 3)))
                    writer.writerow([name, f"{name}.wav", f"{split}-s{speaker}", split, "bonafide", "", name, "tiny"])
                    if spoof:
                        fake = f"{name}-buzz"
                        _write(folder, fake, waveform(fake, 400.0 + 40 * speaker, 4800, noise=0.2))
                        row = [fake, f"{fake}.wav", f"{split}-s{speaker}", split, "spoof", "buzz", name, "tiny"]
                        writer.writerow(row)
    return folder / "protocol.csv"


def waveform(name: str, hertz: float, samples: int, *, noise: float = 0.01) -> NDArray[np.float32]:
    """float32 (samples,): ten harmonics of `hertz` and noise that belongs to `name`."""
    rng = np.random.default_rng(list(name.encode()))
    time = np.arange(samples) / SAMPLE_RATE
    tones = sum(np.sin(2 * np.pi * hertz * k * time + rng.uniform(0, 6)) / k for k in range(1, 11))
    return (0.2 * tones * (1 + 0.5 * np.sin(2 * np.pi * 4 * time)) + noise * rng.standard_normal(samples)).astype(
        np.float32
    )


def _write(folder: Path, name: str, samples: NDArray[np.float32]) -> None:
    soundfile.write(folder / f"{name}.wav", samples, SAMPLE_RATE, subtype="PCM_16")


def render(store: Store, rendition: Rendition, job: RenderJob, *, max_failed_share: float = 0.0) -> Record:
    """Renders what is missing of one rendition in this process."""
    renderer = ShardRenderer(job, build_processor(*job.last_link, job.seed))
    for shard in shards_to_do(store, job):
        renderer.render(shard)
    return finish_render(store, rendition, job, max_failed_share)
