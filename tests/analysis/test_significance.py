"""Significance of finished cells: each training against the better baseline of its seed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from statsmodels.stats.multitest import multipletests

from grid.analysis.significance import Procedure, significance
from grid.core.errors import RequestError
from grid.experiment.grid import Grid
from grid.measuring.measure import measure_cell
from grid.run_cell import run_cell
from tests.support.tiny_grid import DETECTOR, Tiny, tiny, write_yaml

AXES = {
    "selections": ["mu-law", "gsm-06.10"],
    "policies": ["none", "spoof"],
    "detectors": ["tiny", "other"],
    "exclude": [{"detectors": ["other"], "policies": ["spoof"]}],
}
ASKED = {"baselines": ["tiny", "other"], "evaluations": ["raw"], "replicates": 200}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, Grid]:
    """Two baselines and two trainings, finished."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("significance")
    backend = {"name": "lcnn", "options": {"channels": [8, 8, 4, 4, 4], "recurrent": False, "dropout": 0.0}}
    write_yaml(folder / "detectors" / "other.yaml", DETECTOR | {"name": "other", "backend": backend})
    made = tiny(folder, grid=AXES, recipe={"epochs": 1}, significance=ASKED)
    grid = made.rendered()
    for job in grid.cells:
        assert run_cell(made.store, job, grid.experiment, gpu=False)
    return made, grid


@pytest.mark.slow
def test_every_training_is_tested_against_the_better_baseline(done: tuple[Tiny, Grid]) -> None:
    made, grid = done
    eers = {
        job.cell_id: next(m.eer for m in measure_cell(made.store, job, grid.experiment) if m.evaluation == "raw")
        for job in grid.cells
    }
    baselines = {job.detector: eers[job.cell_id] for job in grid.cells if job.policy == "none"}
    best = min(sorted(baselines), key=lambda name: baselines[name])
    found = significance(made.store, grid)
    assert [each.cell_id for each in found] == [job.cell_id for job in grid.cells if job.policy == "spoof"]
    assert {(each.baseline, each.evaluation) for each in found} == {(best, "raw")}
    for each in found:
        assert (each.eer, each.baseline_eer) == (eers[each.cell_id], baselines[best])
        assert each.difference == pytest.approx(each.eer - each.baseline_eer)
        assert each.drawn == "2 speakers"
        assert each.procedure == Procedure(0.01, "decisions", 200)
        assert each.note.startswith("too small: 4 bona fide and 4 spoof trials")
        assert not each.eers_differ
    assert [each.adjusted_p for each in found] == multipletests([each.bootstrap_p for each in found], method="holm")[
        1
    ].tolist()
    assert significance(made.store, grid) == found


def test_an_experiment_that_asks_for_none_has_none(done: tuple[Tiny, Grid]) -> None:
    made, grid = done
    asked = grid.experiment.model_copy(update={"significance": None})
    assert significance(made.store, Grid(asked, grid.corpora, grid.catalogue, grid.recipes, grid.detectors)) == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"baselines": ["tinny"]}, r"baselines names 'tinny', which is none of tiny"),
        ({"baselines": ["tiny"], "evaluations": ["row"]}, r"evaluations names 'row', which is none of raw, cors"),
    ],
)
def test_names_that_do_not_exist_are_refused(tmp_path: Path, change: dict[str, list[str]], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        _ = tiny(tmp_path, significance=change).grid
