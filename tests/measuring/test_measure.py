"""Measurements of a cell: computed once from the scores, stored, and computed again when the evaluations change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from grid.analysis.results import cell_result, results_from_store
from grid.cells.job import CellJob, scores_folder
from grid.cells.measurements import measurement_path
from grid.cells.status import cell_state
from grid.config.experiment import EvaluationChoice, Experiment
from grid.core.errors import RequestError
from grid.corpus.imported import stored_corpus
from grid.corpus.manifest import read_manifest, write_manifest
from grid.experiment.grid import Grid
from grid.measuring.compare import compare_cell, difference_path
from grid.measuring.measure import measure_cell
from grid.metrics.detection import eer
from grid.run_cell import run_cell
from grid.scoring.score_tables import NotFiniteError, read_scores, write_scores
from tests.support.tiny_grid import Tiny, tiny


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, Grid, CellJob]:
    """One finished cell."""
    torch.set_num_threads(1)
    made = tiny(
        tmp_path_factory.mktemp("measure"),
        grid={"selections": ["gsm-06.10"], "policies": ["spoof"]},
        recipe={"epochs": 1},
    )
    grid = made.rendered()
    (job,) = grid.cells
    assert run_cell(made.store, job, grid.experiment, gpu=False)
    return made, grid, job


def changed(grid: Grid, **values: Any) -> Experiment:
    return grid.experiment.model_copy(update=values)


def test_measurements_are_those_of_the_scores(done: tuple[Tiny, Grid, CellJob]) -> None:
    made, grid, job = done
    found = {(m.evaluation, m.condition): m for m in measure_cell(made.store, job, grid.experiment)}
    assert set(found) == {("raw", "pooled"), ("cors", "pooled"), ("cors", "bonafide-codec=gsm-06.10")}
    table = read_scores(made.store, scores_folder(job.folder, job.scored[0])).to_pydict()
    scores = dict(zip(table["utterance_id"], table["score"], strict=True))
    bonafide = [value for name, value in scores.items() if not name.endswith("buzz")]
    spoof = [value for name, value in scores.items() if name.endswith("buzz")]
    pooled = found["raw", "pooled"]
    assert (pooled.eer, pooled.n_bonafide, pooled.n_spoof) == (eer(bonafide, spoof).eer, 4, 4)
    assert found["cors", "pooled"].n_bonafide == 8


def test_measurements_are_kept_and_read(done: tuple[Tiny, Grid, CellJob], monkeypatch: pytest.MonkeyPatch) -> None:
    made, grid, job = done
    first = measure_cell(made.store, job, grid.experiment)
    monkeypatch.setattr("grid.measuring.measure.measure_evaluation", None)
    assert measure_cell(made.store, job, grid.experiment) == first


@pytest.mark.parametrize("what", ["evaluations", "bootstrap"])
def test_other_evaluations_are_measured_anew_and_beside_the_old(done: tuple[Tiny, Grid, CellJob], what: str) -> None:
    made, grid, job = done
    other = {
        "evaluations": {"new": EvaluationChoice(bonafide=("cors",), spoof=("attack",))},
        "bootstrap": grid.experiment.bootstrap.model_copy(update={"replicates": 150}),
    }[what]
    before = measurement_path(job, grid.experiment)
    experiment = changed(grid, **{what: other})
    assert measurement_path(job, experiment) != before
    found = measure_cell(made.store, job, experiment)
    assert {m.evaluation for m in found} == ({"new"} if what == "evaluations" else {"raw", "cors"})
    assert made.store.exists(before)


def test_measuring_again_gives_the_same_bytes(done: tuple[Tiny, Grid, CellJob]) -> None:
    made, grid, job = done
    path = measurement_path(job, grid.experiment)
    first = made.store.read_bytes(path)
    made.store.remove(path)
    measure_cell(made.store, job, grid.experiment)
    assert made.store.read_bytes(path) == first


def test_a_name_or_resource_of_the_experiment_measures_nothing_anew(done: tuple[Tiny, Grid, CellJob]) -> None:
    _, grid, job = done
    assert measurement_path(job, changed(grid, name="renamed", root="s3://x")) == measurement_path(job, grid.experiment)


def test_a_class_without_trials_fails_this_cell_with_the_reason(done: tuple[Tiny, Grid, CellJob]) -> None:
    made, grid, job = done
    wrong = changed(grid, evaluations={"T-CoSG": EvaluationChoice(bonafide=("raw",), spoof=("cosg",))})
    result = cell_result(made.store, wrong, cell_state(made.store, job))
    assert result.status == "failed"
    assert "T-CoSG/pooled" in result.error
    assert "spoof" in result.error


def test_results_of_the_store_hold_cells_codecs_and_measurements(done: tuple[Tiny, Grid, CellJob]) -> None:
    made, grid, job = done
    results = results_from_store(made.store, grid.experiment, grid.cells)
    (cell,) = results.cells
    assert (cell.cell_id, cell.status, cell.codecs, cell.policy) == (job.cell_id, "done", ("gsm-06.10",), "spoof")
    assert list(cell.measurements) == measure_cell(made.store, job, grid.experiment)
    assert set(results.codecs) == {"gsm-06.10"}


def test_unmeasured_cells_stay_unmeasured_when_only_looked_at(done: tuple[Tiny, Grid, CellJob], tmp_path: Path) -> None:
    made, grid, job = done
    new = changed(grid, evaluations={"later": EvaluationChoice(bonafide=("raw",), spoof=("attack",))})
    result = cell_result(made.store, new, cell_state(made.store, job), measure=False)
    assert (result.status, result.measurements) == ("done", ())
    assert not made.store.exists(measurement_path(job, new))


def test_a_mos_threshold_leaves_out_what_the_manifest_rates_lower(done: tuple[Tiny, Grid, CellJob]) -> None:
    made, grid, job = done
    experiment = changed(
        grid, evaluations={"good": EvaluationChoice(bonafide=("raw",), spoof=("attack",), mos_above=3.5)}
    )
    with pytest.raises(RequestError, match="corpus tiny has none; fill it with `codecgrid mos`"):
        measure_cell(made.store, job, experiment)
    stored = stored_corpus(made.store, "tiny")
    assert stored is not None
    path = f"{stored.folder}/manifest.parquet"
    table = read_manifest(made.store.local(path))
    low = {"test-s0-u0", "test-s1-u1-buzz"}
    rated = [2.0 if name in low else 4.0 for name in table["utterance_id"].to_pylist()]
    try:
        write_manifest(made.store.local(path), table.append_column("mos", pa.array(rated)))
        (good,) = measure_cell(made.store, job, experiment)
    finally:
        write_manifest(made.store.local(path), table)
    assert (good.n_bonafide, good.n_spoof) == (3, 3)


def edited(made: Tiny, path: str, old: bytes, new: bytes) -> None:
    content = made.store.read_bytes(path)
    assert old in content
    made.store.write_bytes(path, content.replace(old, new, 1))


def test_damaged_measurements_are_measured_again(done: tuple[Tiny, Grid, CellJob]) -> None:
    made, grid, job = done
    first, path = measure_cell(made.store, job, grid.experiment), measurement_path(job, grid.experiment)
    whole = made.store.read_bytes(path)
    edited(made, path, b'"n_spoof": 4', b'"n_spoof": 5')
    assert cell_result(made.store, grid.experiment, cell_state(made.store, job), measure=False).measurements == ()
    assert measure_cell(made.store, job, grid.experiment) == first
    assert made.store.read_bytes(path) == whole


def test_measurements_of_other_scores_are_measured_again(done: tuple[Tiny, Grid, CellJob]) -> None:
    made, grid, job = done
    first = measure_cell(made.store, job, grid.experiment)
    folder = scores_folder(job.folder, job.scored[0])
    table = read_scores(made.store, folder)
    ids, scores = table["utterance_id"].to_pylist(), table["score"].to_numpy()
    try:
        write_scores(made.store, folder, ids, -scores, "other weights")
        assert measure_cell(made.store, job, grid.experiment) != first
    finally:
        write_scores(made.store, folder, ids, scores, "weights")
    assert measure_cell(made.store, job, grid.experiment) == first


def test_scores_that_are_not_finite_are_not_written(done: tuple[Tiny, Grid, CellJob]) -> None:
    made, _, job = done
    folder = scores_folder(job.folder, job.scored[0])
    table = read_scores(made.store, folder)
    ids, scores = table["utterance_id"].to_pylist(), table["score"].to_numpy()
    with pytest.raises(NotFiniteError, match=rf"the score of utterance '{ids[2]}' is inf; 1 of 8 scores"):
        write_scores(made.store, folder, ids, np.where(np.arange(8) == 2, np.inf, scores), "weights")
    assert read_scores(made.store, folder).equals(table)


def test_damaged_differences_are_compared_again(done: tuple[Tiny, Grid, CellJob]) -> None:
    made, grid, job = done
    first = compare_cell(made.store, job, job, grid.experiment)
    edited(made, difference_path(job, job, grid.experiment), b'"difference": 0.0', b'"difference": 0.1')
    assert compare_cell(made.store, job, job, grid.experiment, anew=False) == []
    assert compare_cell(made.store, job, job, grid.experiment) == first
