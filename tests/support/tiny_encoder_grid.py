"""The shapes of the CDD experiment in little: two heads on one frozen encoder, with and without CoRS of two codecs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.tiny_encoders import LAYERS, TINY_XLSR
from tests.support.tiny_grid import Tiny, tiny, write_yaml

REPLACE = {"mixing": "replace", "probability": 0.5}
POLICIES = ["none", {"label": "bonafide", **REPLACE}, {"label": "spoof", **REPLACE}]
SELECTIONS = ["gsm-06.10", "mu-law"]
INPUT = {"level": "rms", "dbfs": -20.0, "over": "utterance", "clip": True}
RECIPE = {
    "epochs": 2,
    "crop": {"samples": 4000},
    "class_weights": "corpus prior",
    "augmentation": [{"kind": "rawboost", "algorithm": 5, "probability": 0.2}],
}


EVALUATIONS = {
    "T-CoSG": {"bonafide": "raw", "spoof": "attack", "by": "attack"},
    "T-CoRS": {"bonafide": "cors", "spoof": "attack", "by": "bonafide-codec"},
    "All": {"bonafide": ["raw", "cors"], "spoof": "attack"},
}


def tiny_cdd(
    folder: Path, *, selections: list[str] = SELECTIONS, recipe: dict[str, Any] | None = None, **options: Any
) -> Tiny:
    """Ten cells around one frozen encoder, six of one codec; `options` are those of the frontend."""
    changed: dict[str, Any] = {"configuration": TINY_XLSR, "weights": "random", **options}
    heads: dict[str, tuple[str, dict[str, Any]]] = {
        "x-aasist": ("last", {"name": "w2v2-aasist", "options": {"outputs": 1, "temporal_ratio": 0.7}}),
        "lwbn": ("all", {"name": "lwbn", "options": {"layers": LAYERS + 1, "heads": 2, "bottleneck": 16}}),
    }
    for name, (layers, backend) in heads.items():
        frontend = {"name": "ssl", "options": {**changed, "layers": layers}}
        content = {"name": name, "input": INPUT, "frontend": frontend, "backend": backend}
        write_yaml(folder / "detectors" / f"{name}.yaml", content)
    grid = {"selections": selections, "policies": POLICIES, "detectors": list(heads)}
    resources = {"codec_workers": 1, "cells_per_gang": 16}
    return tiny(
        folder,
        grid=grid,
        recipe=RECIPE | (recipe or {}),
        resources=resources,
        evaluations=EVALUATIONS,
        report=["cdd-table-3", "cdd-table-4", "cdd-table-5"],
    )
