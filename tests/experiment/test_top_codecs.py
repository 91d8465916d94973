"""`top` selections: the best codecs of another grid by dev EER, by an evaluation, and by one of its conditions."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from grid.cells.measurements import keep_measurements, measurement_path, stored_measurements
from grid.config.yaml_file import load_yaml
from grid.core.errors import RequestError
from grid.experiment.grid import Grid
from grid.run_cell import run_cell
from tests.support.tiny_grid import Tiny, tiny, write_yaml

CODECS = ("gsm-06.10", "mu-law")


def best_of(made: Tiny, **selection: Any) -> Tiny:
    """An experiment on the same corpus whose selection is the best of `made`."""
    content = load_yaml(made.config)
    chosen = {"name": "best", "top": 1, "of": "tiny.yaml"} | selection
    content |= {"name": "best", "grid": content["grid"] | {"selections": [chosen]}}
    return Tiny(write_yaml(made.config.parent / "best.yaml", content), made.store)


def chosen(made: Tiny, **selection: Any) -> tuple[str, ...]:
    (found,) = best_of(made, **selection).grid.experiment.grid.selections
    return found.codecs


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, Grid]:
    """A grid of two codecs, trained and measured."""
    torch.set_num_threads(1)
    changes: dict[str, Any] = {"selections": list(CODECS), "policies": ["none", "spoof"]}
    made = tiny(tmp_path_factory.mktemp("top"), grid=changes, recipe={"epochs": 1})
    grid = made.rendered()
    for job in grid.cells:
        assert run_cell(made.store, job, grid.experiment, gpu=False)
    return made, grid


def measured_as(made: Tiny, grid: Grid, condition: str, *eers: float) -> None:
    """Gives the cell of each codec an EER on one condition of the evaluation `cors`, in place of the measured one."""
    cells = {job.codecs[0]: job for job in grid.cells if job.codecs}
    for codec, eer in zip(CODECS, eers, strict=True):
        found = stored_measurements(made.store, cells[codec], grid.experiment) or []
        changed = [
            dataclasses.replace(item, eer=eer) if (item.evaluation, item.condition) == ("cors", condition) else item
            for item in found
        ]
        assert changed != found
        keep_measurements(made.store, cells[codec], grid.experiment, changed)


@pytest.mark.slow
def test_best_codec_is_that_of_the_lowest_dev_eer_where_nothing_else_is_said(finished: tuple[Tiny, Grid]) -> None:
    made, grid = finished
    records = {job.codecs[0]: made.store.read_json(f"{job.folder}/record.json") for job in grid.cells if job.codecs}
    lowest = min(records, key=lambda codec: (records[codec]["results"]["dev_eer"], codec))
    cells = best_of(made).grid.cells
    assert [cell.codecs for cell in cells] == [(), (lowest,)]
    # it is the cell of that codec alone: what it was chosen by is no part of it
    assert cells[1].cell_id in {job.cell_id for job in grid.cells}
    with pytest.raises(RequestError, match=r"top 3 of .*tiny.yaml, which trains on 2 codecs one by one"):
        chosen(made, top=3)


def test_best_codec_by_an_evaluation_is_that_of_its_eer_pooled_or_on_one_condition(
    finished: tuple[Tiny, Grid],
) -> None:
    made, grid = finished
    measured_as(made, grid, "pooled", 0.3, 0.2)
    measured_as(made, grid, "bonafide-codec=mu-law", 0.1, 0.4)
    assert chosen(made, by="cors") == chosen(made, by="cors/pooled") == ("mu-law",)
    assert chosen(made, by="cors/bonafide-codec=mu-law") == ("gsm-06.10",)
    assert chosen(made, by="cors", top=2) == ("mu-law", "gsm-06.10")
    ids = {job.cell_id for job in grid.cells}
    assert {job.cell_id for job in best_of(made, by="cors").grid.cells} < ids


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ("corss", r"best.yaml:\d+: by: unknown evaluation 'corss'; did you mean 'cors'\? Choices: cors, dev EER, raw"),
        ("cors/codec=mu-law", r"unknown condition of cors 'codec=mu-law'; .* Choices: .*bonafide-codec=mu-law.*pooled"),
    ],
)
def test_ranking_by_what_the_other_grid_does_not_measure_names_the_choices(
    finished: tuple[Tiny, Grid], by: str, message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        chosen(finished[0], by=by)


def test_ranking_by_an_evaluation_that_is_not_measured_names_the_command(finished: tuple[Tiny, Grid]) -> None:
    made, grid = finished
    path = measurement_path(next(job for job in grid.cells if job.codecs), grid.experiment)
    kept = made.store.read_bytes(path)
    Path(made.store.local(path)).unlink()
    try:
        with pytest.raises(RequestError, match=r"all are measured; 1 of 2 cells are not. Run: codecgrid report .*tiny"):
            chosen(made, by="raw")
        assert chosen(made)  # the dev EER needs no measurements
    finally:
        made.store.write_bytes(path, kept)


@pytest.mark.parametrize("by", ["dev EER", "raw"])
def test_best_of_a_grid_that_is_not_trained_names_the_command(tmp_path: Path, by: str) -> None:
    made = tiny(tmp_path, grid={"selections": list(CODECS), "policies": ["spoof"]})
    made.corpus()
    with pytest.raises(
        RequestError, match=r"best.yaml:\d+: .* trained; 2 of 2 cells are not. Run: codecgrid run .*tiny"
    ):
        chosen(made, by=by)


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({}, "more than one policy; give `policy`: bonafide, spoof"),
        ({"policy": "spof"}, "unknown policy 'spof'; did you mean 'spoof'"),
        ({"policy": "spoof", "detector": "lcnn"}, "unknown detector 'lcnn'"),
        ({"policy": "spoof", "of": "best.yaml"}, r"best of itself: .*best.yaml -> .*best.yaml"),
    ],
)
def test_best_of_a_grid_under_nothing_it_has_is_refused(
    tmp_path: Path, selection: dict[str, Any], message: str
) -> None:
    made = tiny(tmp_path)
    made.corpus()
    with pytest.raises(RequestError, match=message):
        chosen(made, **selection)
