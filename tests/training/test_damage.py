"""What is damaged never trains or scores in silence: states, audio, and scores that are not finite."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from grid.cells.job import HISTORY, STATE, WEIGHTS, CellJob, scores_folder
from grid.cells.status import cell_state
from grid.core.store import Store
from grid.experiment.grid import Grid
from grid.run_cell import run_cell, run_gang
from grid.scoring.score import RenditionScores
from grid.scoring.score_tables import read_scores
from grid.training.checkpoint import Epoch
from grid.training.train import train
from tests.support.damage import flip_bit, flip_bit_at
from tests.support.tiny_grid import Tiny, tiny

CPU = torch.device("cpu")


class StopError(Exception):
    """What interrupts a training in these tests."""


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, Grid]:
    torch.set_num_threads(1)
    made = tiny(tmp_path_factory.mktemp("damage"), grid={"selections": ["mu-law"], "policies": ["none", "spoof"]})
    return made, made.rendered()


@pytest.fixture
def cell(rendered: tuple[Tiny, Grid], request: pytest.FixtureRequest) -> Callable[[str], tuple[Store, CellJob]]:
    """A fresh cell of two epochs over the rendered audio."""
    made, grid = rendered

    def fresh(name: str) -> tuple[Store, CellJob]:
        return made.store, grid.cells[1].model_copy(update={"cell_id": f"{request.node.name}-{name}"})

    return fresh


def stop(job: CellJob, epoch: Epoch) -> None:
    raise StopError


def weights_and_scores(store: Store, job: CellJob) -> tuple[bytes, list[list[float]]]:
    scores = [read_scores(store, scores_folder(job.folder, folder))["score"].to_pylist() for folder in job.scored]
    return store.read_bytes(f"{job.folder}/{WEIGHTS}"), scores


@pytest.mark.slow
def test_a_damaged_state_costs_its_epochs_is_named_and_the_cell_ends_as_any(
    rendered: tuple[Tiny, Grid], cell: Any, caplog: pytest.LogCaptureFixture
) -> None:
    _, grid = rendered
    store, straight = cell("straight")
    assert run_cell(store, straight, grid.experiment, gpu=False)
    _, damaged = cell("damaged")
    with pytest.raises(StopError):
        train(store, damaged, device=CPU, report=stop)
    flip_bit(store, f"{damaged.folder}/{STATE}", 0.4)
    epochs: list[int] = []
    assert run_cell(store, damaged, grid.experiment, gpu=False, report=lambda epoch: epochs.append(epoch.epoch))
    assert epochs == [0, 1]
    assert weights_and_scores(store, damaged) == weights_and_scores(store, straight)
    results = cell_state(store, damaged).results
    assert results is not None
    warning = results["warnings"][0]
    assert f"{damaged.folder}/{STATE} is damaged" in warning
    assert "epochs lost: 1; the cell was trained again from its first one" in warning
    assert warning in caplog.text


def test_a_warning_about_lost_epochs_survives_an_interruption(cell: Any) -> None:
    store, job = cell("twice")
    with pytest.raises(StopError):
        train(store, job, device=CPU, report=stop)
    flip_bit(store, f"{job.folder}/{STATE}", 0.4)
    with pytest.raises(StopError):
        train(store, job, device=CPU, report=stop)
    warnings = train(store, job, device=CPU).results["warnings"]
    assert sum("state.pt is damaged" in warning for warning in warnings) == 1


def test_damaged_audio_is_the_failure_of_the_cell(rendered: tuple[Tiny, Grid], cell: Any) -> None:
    made, grid = rendered
    store, job = cell("audio")
    folder = job.recordings[0]
    manifest = pq.read_table(store.local(f"{folder}/manifest.parquet")).to_pylist()
    row = next(row for row in manifest if row["split"] == "train")
    place = (f"{folder}/{row['path']}", row["offset"] + 5)
    flip_bit_at(store, *place)
    try:
        assert not run_cell(store, job, grid.experiment, gpu=False)
    finally:
        flip_bit_at(store, *place)
    state = cell_state(store, job)
    assert state.status == "failed"
    assert f"utterance {row['utterance_id']!r}" in state.error
    assert f"codecgrid verify --root {made.store.root} --repair" in state.error
    assert run_cell(store, job, grid.experiment, gpu=False)


def not_finite_for(monkeypatch: pytest.MonkeyPatch, where: str, position: int) -> None:
    """Makes the fourth score of one detector of a gang NaN in every rendition."""
    import grid.scoring.score as scoring

    real = scoring.score_rendition

    def spoilt(*arguments: Any, **named: Any) -> list[RenditionScores]:
        scores: list[RenditionScores] = real(*arguments, **named)
        if len(scores) > position:  # the others go on alone when it has failed
            scores[position].scores[3] = np.nan
        return scores

    monkeypatch.setattr(f"{where}.score_rendition", spoilt)


@pytest.mark.parametrize("where", ["grid.training.gang", "grid.scoring.score"])
def test_a_score_that_is_not_finite_fails_its_cell_with_the_utterance_and_no_other(
    rendered: tuple[Tiny, Grid], cell: Any, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    _, grid = rendered
    store, good = cell(f"good-{where}")
    _, bad = cell(f"bad-{where}")
    not_finite_for(monkeypatch, where, 1)
    assert run_gang(store, [good, bad], grid.experiment, gpu=False) == {good.cell_id: True, bad.cell_id: False}
    split = "dev" if where.endswith("gang") else "test"
    error = cell_state(store, bad).error
    assert "NotFiniteError" in error
    assert f"the score of utterance '{split}-" in error
    assert re.search(r"is nan; 1 of \d scores are not finite", error)


def test_a_damaged_history_of_a_done_cell_is_not_shown(
    rendered: tuple[Tiny, Grid], cell: Any, caplog: pytest.LogCaptureFixture
) -> None:
    _, grid = rendered
    store, job = cell("history")
    assert run_cell(store, job, grid.experiment, gpu=False)
    assert len(cell_state(store, job).epochs) == 2
    path = f"{job.folder}/{HISTORY}"
    store.write_bytes(path, store.read_bytes(path).replace(b'"epoch": 1', b'"epoch": 3'))
    state = cell_state(store, job)
    assert (state.status, state.epochs) == ("done", ())
    assert "history.json is damaged" in caplog.text
