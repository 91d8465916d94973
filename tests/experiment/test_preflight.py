"""The preflight: each thing that a run can lack is a fault with the command that mends it, and none is left out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from grid.cells.job import CellJob
from grid.core.stored_weights import put_weights
from grid.core.weight_file import WeightFile
from grid.core.weights import WeightFinder
from grid.corpus.imported import pack_corpus
from grid.experiment import preflight as preflight_module
from grid.experiment.grid import resolve
from grid.experiment.preflight import (
    Fault,
    PreflightError,
    gpu_fault,
    lines_by_cause,
    preflight,
    to_fetch,
    undeclared_places,
)
from grid.experiment.work import Work
from tests.support.tiny_grid import DETECTOR, EXPERIMENT, Tiny, tiny, write_yaml

LICENSED = "xcodec2"
"""A codec of the catalogue whose licence is to be accepted, with weights on the hub."""


@pytest.fixture(autouse=True)
def _no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without weights and without a network."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("grid.core.weights.DOWNLOADS", tmp_path / "downloads")
    monkeypatch.setattr("grid.core.weights.SHARED", tmp_path / "shared")


def work(made: Tiny) -> Work:
    """All of the work of a new experiment."""
    grid = resolve(made.config, made.store, without_data=True)
    return Work.left(grid, made.store, grid.cells)


def faults(made: Tiny, cause: str) -> list[Fault]:
    return [fault for fault in preflight(work(made)) if fault.cause == cause]


def one_codec(folder: Path, codec: str = "mu-law", **changes: Any) -> Tiny:
    return tiny(folder, grid={"selections": [codec], "policies": ["spoof"]}, **changes)


def test_nothing_stands_in_the_way_of_an_experiment_that_has_all(tmp_path: Path) -> None:
    made = one_codec(tmp_path)
    made.corpus()
    assert preflight(work(made)) == []


def test_a_corpus_that_is_nowhere_is_a_fault_with_its_import(tmp_path: Path) -> None:
    options = {"delimiter": ";"}
    sources = [{"name": "rirs-noises"}, {"name": "tiny", "reader": "csv", "path": "nowhere.csv", "options": options}]
    made = one_codec(tmp_path, corpora=sources)
    root, path = made.store.root, tmp_path / "nowhere.csv"
    assert faults(made, "corpora") == [
        Fault("corpora", "rirs-noises is not imported", f"codecgrid import rirs PATH --name rirs-noises --root {root}"),
        Fault(
            "corpora",
            f"tiny is not imported, and there is nothing at {path}",
            f"codecgrid import csv {path} --name tiny --root {root} --option 'delimiter=;'",
        ),
    ]


def test_a_corpus_whose_recordings_are_gone_is_a_fault_until_it_is_packed_or_rendered(tmp_path: Path) -> None:
    made = one_codec(tmp_path)
    made.corpus()
    pack_corpus(made.store, "tiny")
    shutil.move(tmp_path / "corpus", tmp_path / "elsewhere")
    assert faults(made, "corpora") == []
    shutil.rmtree(next(Path(made.store.uri("corpora")).glob("tiny-*/packed")))
    (fault,) = faults(made, "corpora")
    assert "tiny: this machine cannot read its recordings: " in fault.what
    assert fault.mend.startswith(f"where they are: codecgrid pack tiny --root {made.store.root}\n")


def test_licences_are_told_together_with_the_line_that_accepts_them(tmp_path: Path) -> None:
    made = one_codec(tmp_path, LICENSED, accept_licence=["mimi"])
    made.corpus()
    (fault,) = faults(made, "licences")
    assert fault.what.startswith(f"{LICENSED}: CC-BY-NC")
    assert fault.mend.endswith(f"accept_licence: [mimi, {LICENSED}]")


def test_weights_that_cannot_be_fetched_are_faults_and_the_others_are_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = one_codec(tmp_path, LICENSED)
    encoder = {"name": "ssl", "options": {"model": "facebook/wav2vec2-base"}}
    backend = {"name": "mean-pool", "options": {}}
    write_yaml(tmp_path / "detectors" / "tiny.yaml", {**DETECTOR, "frontend": encoder, "backend": backend})
    made.corpus()
    told = [fault.what for fault in faults(made, "weights")]
    assert any(what.startswith("tiny: weights facebook/wav2vec2-base/config.json are missing") for what in told)
    assert any(what.startswith(f"{LICENSED}: ") for what in told)
    assert to_fetch(work(made)) == []
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert faults(made, "weights") == []
    assert len(to_fetch(work(made))) == len(told)


def test_weights_in_the_store_are_there(tmp_path: Path) -> None:
    made = one_codec(tmp_path)
    needed = WeightFile(path="facebook/wav2vec2-base/config.json", source="hub:facebook/wav2vec2-base")
    encoder = {"name": "ssl", "options": {"model": "facebook/wav2vec2-base", "weights": "random"}}
    backend = {"name": "mean-pool", "options": {}}
    write_yaml(tmp_path / "detectors" / "tiny.yaml", {**DETECTOR, "frontend": encoder, "backend": backend})
    made.corpus()
    assert len(faults(made, "weights")) == 1
    (tmp_path / "config.json").write_text("{}")
    put_weights(made.store, needed, tmp_path / "config.json")
    assert faults(made, "weights") == []
    assert WeightFinder(store=made.store).find(needed).read_text() == "{}"


def test_a_full_disk_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = one_codec(tmp_path)
    made.corpus()
    full = shutil.disk_usage(tmp_path)._replace(free=1)
    monkeypatch.setattr(preflight_module.shutil, "disk_usage", lambda place: full)
    (fault,) = faults(made, "disk")
    assert fault.what.startswith("2 renditions will take 0.0 GB, and ")


def test_what_is_finished_is_not_asked_for_again(tmp_path: Path) -> None:
    made = one_codec(tmp_path)
    grid = made.rendered()
    shutil.move(tmp_path / "corpus", tmp_path / "elsewhere")
    left: tuple[CellJob, ...] = ()
    assert preflight(Work.left(grid, made.store, left)) == []


def test_a_corpus_in_place_on_a_cluster_of_several_machines_has_to_be_said_to_be_there(tmp_path: Path) -> None:
    made = one_codec(tmp_path)
    made.corpus()
    (fault,) = undeclared_places(work(made))
    assert fault.what.startswith(f"tiny: its recordings lie in {tmp_path / 'corpus'}, where not every machine may")
    assert f"codecgrid pack tiny --root {made.store.root}\n" in fault.mend
    assert fault.mend.endswith("in the experiment file: name: tiny, in_place: true")
    ids = [cell.cell_id for cell in made.grid.cells]
    said = one_codec(tmp_path, corpora=[{**EXPERIMENT["corpora"][0], "in_place": True}])
    assert list(undeclared_places(work(said))) == []
    assert [cell.cell_id for cell in said.grid.cells] == ids
    pack_corpus(made.store, "tiny")
    assert list(undeclared_places(work(one_codec(tmp_path)))) == []


@pytest.mark.parametrize(
    ("asked", "said"), [({"gpus_per_cell": 1}, "cell"), ({"gpus_per_codec_worker": 0.5}, "codec_w")]
)
def test_gpus_that_are_not_there_are_a_fault(tmp_path: Path, asked: dict[str, float], said: str) -> None:
    made = one_codec(tmp_path, resources=asked)
    fault = gpu_fault(made.grid.experiment, 0)
    assert fault is not None
    assert fault.what.startswith(f"resources.gpus_per_{said}")
    assert gpu_fault(made.grid.experiment, 1) is None


def test_faults_are_told_by_cause_and_what_mends_several_is_told_once() -> None:
    told = [Fault("MLflow", "c", "z"), Fault("corpora", "a", "x"), Fault("corpora", "b", "x")]
    assert lines_by_cause(told) == ["corpora:", "  a", "  b", "    x", "MLflow:", "  c", "    z"]
    error = str(PreflightError(told, "and so on"))
    assert error.splitlines()[0] == "nothing was started, because of"
    assert error.endswith("\nand so on")
