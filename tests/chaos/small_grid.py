"""The grid of the campaign, finished without a fault: what every disturbed one is compared with."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import torch

from grid.cells.job import HISTORY
from grid.core.store import Store
from grid.experiment.frozen import freeze
from grid.run_cell import run_cell
from tests.support.command_line import codecgrid
from tests.support.tiny_grid import Tiny, tiny

TABLES = ["cdd-table-3", "cdd-table-4", "cdd-table-5"]
EVALUATIONS = {
    "T-CoSG": {"bonafide": "raw", "spoof": "attack", "by": "attack"},
    "T-CoRS": {"bonafide": "cors", "spoof": "attack", "by": "bonafide-codec"},
    "All": {"bonafide": ["raw", "cors"], "spoof": "attack"},
}
RESULTS = (
    *("cells/*/weights.safetensors", "cells/*/scores/*/scores.parquet"),
    *("cells/*/measurements-*.json", "cells/*/differences-*.json", "cells/*/calibration-*.json"),
    *("reports/tiny/*.csv", "reports/tiny/*.tex"),
)
"""What holds numbers and is the same to the last byte whenever it is made."""
STEPS = ("audio/*/*/shard-*.parquet", "cells/*/weights.safetensors", "cells/*/scores/*/scores.parquet")


@dataclass(frozen=True)
class Reference:
    """The finished grid: its experiment, its results by their paths, and the number of steps that it took."""

    made: Tiny
    results: dict[str, bytes]
    steps: int

    def unfinished(self, folder: Path) -> Tiny:
        """The same experiment with an empty root in `folder`."""
        return Tiny(self.made.config, Store.open(folder / "results"))

    def copied(self, folder: Path) -> Tiny:
        """The same experiment with a copy of the finished root in `folder`."""
        shutil.copytree(self.made.store.root, folder / "results")
        return self.unfinished(folder)

    def differences(self, made: Tiny) -> list[str]:
        """The results of `made` that are missing, that nothing undisturbed has, or that have other bytes."""
        found = results(made.store)
        return sorted(path for path in found.keys() | self.results.keys() if found.get(path) != self.results.get(path))


def reference(folder: Path) -> Reference:
    """Imports, renders, trains, scores, measures and reports in this process, without Ray."""
    torch.set_num_threads(1)  # as a worker of a run has: sums of floats depend on it
    grid_of = {"selections": ["gsm-06.10"], "policies": ["none", "bonafide", "spoof"]}
    made = tiny(folder, grid=grid_of, evaluations=EVALUATIONS, report=TABLES, recipe={"epochs": 5})
    grid = made.rendered()
    freeze(made.store, grid)
    for job in grid.cells:
        assert run_cell(made.store, job, grid.experiment, gpu=False)
    ended = codecgrid("report", made.config, "--root", made.store.root, "--from", "store")
    assert ended.status == 0, ended.err
    return Reference(made, results(made.store), steps(made.store))


def results(store: Store) -> dict[str, bytes]:
    """The files in `RESULTS`, by their paths in the store."""
    root = Path(store.root)
    return {str(path.relative_to(root)): path.read_bytes() for pattern in RESULTS for path in root.glob(pattern)}


def steps(store: Store) -> int:
    """How many steps are done so far: audio shards, epochs, trainings and scored renditions."""
    root = Path(store.root)
    epochs = sum(path.read_bytes().count(b'"epoch"') for path in root.glob(f"cells/*/{HISTORY}"))
    return epochs + sum(1 for pattern in STEPS for _ in root.glob(pattern))
