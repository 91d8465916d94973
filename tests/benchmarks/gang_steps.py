"""Cells around one frozen encoder, CDD's 18 or five heads of today: as one gang, and one after the other."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import soundfile
import torch

from grid.cells.gangs import gangs
from grid.cells.job import CellJob
from grid.core.store import Store
from grid.core.vocabulary import SAMPLE_RATE
from grid.detectors.gang_forward import SharedEncoderForward
from grid.detectors.spec import load_detector_spec
from grid.experiment.grid import Grid, resolve
from grid.scoring.score import score_together
from grid.training.gang import CellFailure
from grid.training.train import train_together
from tests.support.tiny_grid import Tiny, waveform, write_experiment, write_yaml

BONAFIDE = {"train": 5, "dev": 2, "test": 2}
SPOOFS_PER_BONAFIDE = 4
"""As in CDD: 3,600 bona fide and 14,400 spoofs in train."""
FEW_BONAFIDE = {"train": 2, "dev": 1, "test": 1}
"""For Whisper, which hears 30 s of each utterance, whatever its length."""
CODECS = ["gsm-06.10", "mu-law", "opus-6kbps", "vorbis-25kbps"]
REPLACE = {"mixing": "replace", "probability": 0.5}
ENCODERS: dict[str, dict[str, Any]] = {
    "base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
    "xls-r-300m": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096},
}
HEADS = tuple(f"{head}-whisper-base" for head in ("x-aasist", "lwbn", "mhfa", "nes2net-x", "mean-pool"))
STABLE = {"model_type": "wav2vec2", "do_stable_layer_norm": True, "feat_extract_norm": "layer", "conv_bias": True}


def cdd_in_little(folder: Path, encoder: str, samples: int) -> Tiny:
    """The grid of 2 detectors x (baseline + 4 codecs x 2 labels) over a few synthetic utterances, rendered."""
    _write_corpus(folder / "corpus", samples, BONAFIDE, SPOOFS_PER_BONAFIDE)
    sizes = ENCODERS[encoder]
    options = {"configuration": {**STABLE, **sizes}, "weights": "random"}
    layers = int(sizes["num_hidden_layers"]) + 1
    heads: dict[str, tuple[str, dict[str, Any]]] = {
        "x-aasist": ("last", {"name": "w2v2-aasist", "options": {"outputs": 1, "temporal_ratio": 0.7}}),
        "lwbn": ("all", {"name": "lwbn", "options": {"layers": layers}}),
    }
    for name, (chosen, backend) in heads.items():
        frontend = {"name": "ssl", "options": {**options, "layers": chosen}}
        write_yaml(folder / "detectors" / f"{name}.yaml", {"name": name, "frontend": frontend, "backend": backend})
    config = write_experiment(
        folder,
        grid={
            "selections": CODECS,
            "policies": ["none", {"label": "bonafide", **REPLACE}, {"label": "spoof", **REPLACE}],
            "detectors": list(heads),
        },
        recipe={"epochs": 1, "batch_size": 8, "crop": {"samples": samples}, "class_weights": "corpus prior"},
    )
    made = Tiny(config, Store.open(folder / "results"))
    made.rendered()
    return made


def heads_in_little(folder: Path, samples: int) -> Tiny:
    """The grid of five heads x (baseline + CoRS of three codecs as spoof) on an encoder of Whisper base's size.

    The weights are random: the time is that of the real ones.
    """
    _write_corpus(folder / "corpus", samples, FEW_BONAFIDE, spoofs_per_bonafide=1)
    for name in HEADS:
        spec = load_detector_spec(name)
        options = spec.frontend.options | {"weights": "random", "weights_sha256": None}
        content = {"name": name, "frontend": {"name": "ssl", "options": options}, "backend": spec.backend.model_dump()}
        write_yaml(folder / "detectors" / f"{name}.yaml", content)
    config = write_experiment(
        folder,
        grid={
            "selections": [{"name": "three", "codecs": CODECS[:3], "draw": "one"}],
            "policies": ["none", {"label": "spoof", **REPLACE}],
            "detectors": list(HEADS),
        },
        recipe={"epochs": 1, "batch_size": 4, "crop": {"samples": samples}, "dev_cors": "none"},
    )
    made = Tiny(config, Store.open(folder / "results"))
    made.rendered()
    return made


def together(root: str, config: str) -> dict[str, Any]:
    """Trains and scores all cells as one gang."""
    store, grid = _opened(root, config)
    (gang,) = gangs(grid.cells, len(grid.cells))
    return _carried_out(store, [list(gang)])


def separately(root: str, config: str) -> dict[str, Any]:
    """Trains and scores the cells one after the other, in one process."""
    store, grid = _opened(root, config)
    return _carried_out(store, [[job] for job in grid.cells])


def _opened(root: str, config: str) -> tuple[Store, Grid]:
    store = Store.open(root)
    return store, resolve(config, store)


def _carried_out(store: Store, work: list[list[CellJob]]) -> dict[str, Any]:
    passes = 0
    counted = SharedEncoderForward.encode

    def encode(self: SharedEncoderForward, waveforms: torch.Tensor) -> torch.Tensor:
        nonlocal passes
        passes += len(waveforms)
        return counted(self, waveforms)

    SharedEncoderForward.encode = encode  # type: ignore[method-assign]
    start, processor = time.perf_counter(), time.process_time()
    for jobs in work:
        outcomes = train_together(store, jobs, device=torch.device("cpu"))
        assert not [outcome for outcome in outcomes.values() if isinstance(outcome, CellFailure)]
        score_together(store, jobs, device=torch.device("cpu"))
    taken = {"seconds": time.perf_counter() - start, "processor_seconds": time.process_time() - processor}
    return {"passes": passes, **taken}


def _write_corpus(folder: Path, samples: int, bonafide: Mapping[str, int], spoofs_per_bonafide: int) -> None:
    folder.mkdir(parents=True)
    with (folder / "protocol.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["utterance_id", "path", "speaker", "split", "key", "attack"])
        for split, count in bonafide.items():
            for number in range(count * (1 + spoofs_per_bonafide)):
                spoof = number >= count
                name = f"{split}-{number}"
                tones = waveform(name, 400.0 if spoof else 120.0, samples, noise=0.1 if spoof else 0.01)
                soundfile.write(folder / f"{name}.wav", tones, SAMPLE_RATE, subtype="PCM_16")
                key, attack = ("spoof", "buzz") if spoof else ("bonafide", "")
                writer.writerow([name, f"{name}.wav", f"{split}-s{number % 2}", split, key, attack])
