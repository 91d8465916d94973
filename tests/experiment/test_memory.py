"""Tests of the memory that a run takes at least, against that of a machine: weights of a known size on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from grid.experiment.grid import resolve
from grid.experiment.memory import Machine, memory_faults, this_machine
from grid.experiment.preflight import Fault
from grid.experiment.work import Work
from tests.support.tiny_grid import DETECTOR, tiny, write_yaml

GB = 10**9
ENCODER = 1_270_000_000
"""Bytes of a made-up encoder, about those of XLS-R 300M."""


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An encoder whose file takes no space on the disk: it is one hole."""
    folder = tmp_path / "weights" / "facebook" / "wav2vec2-base"
    folder.mkdir(parents=True)
    (folder / "config.json").touch()
    with (folder / "model.safetensors").open("wb") as stream:
        stream.truncate(ENCODER)
    monkeypatch.setenv("CODECGRID_WEIGHTS", str(tmp_path / "weights"))


def faults(folder: Path, machine: Machine, **resources: Any) -> list[Fault]:
    policies = {"selections": ["mu-law"], "policies": ["none", "bonafide", "spoof"]}
    made = tiny(folder, grid=policies, resources=resources)
    encoder = {"name": "ssl", "options": {"model": "facebook/wav2vec2-base"}}
    write_yaml(folder / "detectors" / "tiny.yaml", {**DETECTOR, "frontend": encoder, "backend": {"name": "mean-pool"}})
    made.corpus()
    grid = resolve(made.config, made.store)
    return list(memory_faults(Work.left(grid, made.store, grid.cells), machine))


def test_encoders_of_all_that_trains_at_once_must_fit(tmp_path: Path, weights: None) -> None:
    (fault,) = faults(tmp_path, Machine("this machine", 8, 3.5 * GB))
    assert fault.cause == "memory"
    assert fault.what == "3 trainings at once take 3.8 GB for their weights alone, and this machine has 3.5 GB"
    assert fault.mend == "fewer at once: resources: cpus_per_cell: 4"
    assert faults(tmp_path, Machine("this machine", 8, 3.5 * GB), cpus_per_cell=4) == []
    assert faults(tmp_path, Machine("this machine", 2, 3.5 * GB)) == []
    assert faults(tmp_path, Machine("this machine", 8, 4 * GB)) == []


def test_cells_of_a_gang_share_their_encoder(tmp_path: Path, weights: None) -> None:
    assert faults(tmp_path, Machine("this machine", 8, 2 * GB), cells_per_gang=3) == []


def test_a_machine_too_small_for_one_is_told_to_be_larger(tmp_path: Path, weights: None) -> None:
    (fault,) = faults(tmp_path, Machine("the machine at 10.0.0.2", 8, GB))
    assert fault.what.endswith("and the machine at 10.0.0.2 has 1.0 GB")
    assert fault.mend == "a machine with more memory"


def test_what_runs_on_gpus_and_what_has_no_weights_is_not_asked_for(tmp_path: Path, weights: None) -> None:
    assert faults(tmp_path, Machine("this machine", 8, GB), gpus_per_cell=1) == []
    made = tiny(tmp_path / "plain")
    assert list(memory_faults(Work.left(made.grid, made.store, made.grid.cells), Machine("this machine", 64, 1))) == []


def test_this_machine_has_cpus_and_memory() -> None:
    assert this_machine().cpus >= 1
    assert this_machine().memory > GB / 2
