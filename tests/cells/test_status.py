"""The status of a cell and the planned action of a run, from the store alone, also after a killed process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
import torch
from filelock import Timeout

from grid.cells.job import CellJob, read_job, scores_folder
from grid.cells.status import (
    cell_state,
    cell_states,
    heartbeat,
    is_running,
    planned_action,
    progress,
    record_failure,
    record_lost_process,
    running,
)
from grid.core.errors import LostProcessError, RequestError
from grid.core.record import FAILURE, RECORD
from grid.core.store import Store
from grid.experiment.frozen import freeze, read_experiment
from grid.experiment.grid import Grid
from grid.run_cell import run_cell, run_gang
from grid.training.checkpoint import Epoch
from tests.support.tiny_grid import Tiny, tiny

HOLDER = """
import sys, time
from grid.cells.job import read_job
from grid.cells.status import running
from grid.core.store import Store

store = Store.open(sys.argv[1])
with running(store, read_job(store, sys.argv[2])):
    print("running", flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, Grid]:
    torch.set_num_threads(1)
    made = tiny(
        tmp_path_factory.mktemp("status"), grid={"selections": ["mu-law"], "policies": ["spoof"], "seeds": [0, 1, 2, 3]}
    )
    grid = made.rendered()
    freeze(made.store, grid)
    return made, grid


def cell(rendered: tuple[Tiny, Grid], seed: int) -> CellJob:
    return next(job for job in rendered[1].cells if job.seed == seed)


def test_a_cell_goes_from_missing_over_training_and_scoring_to_done(rendered: tuple[Tiny, Grid]) -> None:
    (made, grid), job = rendered, cell(rendered, 0)
    store = made.store
    assert cell_state(store, job).status == "missing"
    assert planned_action(store, job) == ("train", "new")
    seen: list[str] = []

    def report(epoch: Epoch) -> None:
        seen.append(cell_state(store, job).status)

    assert run_cell(store, job, grid.experiment, gpu=False, report=report)
    assert seen == ["running", "running"]
    state = cell_state(store, job)
    assert (state.status, len(state.epochs), state.error) == ("done", 2, "")
    assert state.results is not None
    assert planned_action(store, job) == ("skip", "done")
    assert not is_running(store, job)


def test_progress_looks_for_records_and_does_not_read_them(tmp_path: Path, rendered: tuple[Tiny, Grid]) -> None:
    store, (done, unscored, failed, new) = Store.open(tmp_path), (cell(rendered, seed) for seed in range(4))
    for job in (done, unscored):
        store.write_bytes(f"{job.folder}/{RECORD}", b"not JSON")
    for rendition in done.scored:
        store.write_bytes(f"{scores_folder(done.folder, rendition)}/{RECORD}", b"not JSON")
    record_failure(store, failed, ValueError("no"), "trace")
    assert [state.status for state in progress(store, [done, failed, new])] == ["done", "failed", "missing"]
    assert planned_action(store, done) == ("skip", "done")
    for look in (cell_state, lambda store, job: progress(store, [job])):  # what is not done is read
        with pytest.raises(RequestError, match="is damaged"):
            look(store, unscored)
    with pytest.raises(RequestError, match="is damaged"):  # as a run and a report do
        cell_state(store, done)


def test_a_rendition_that_is_not_scored_yet_is_planned(rendered: tuple[Tiny, Grid]) -> None:
    (made, grid), job = rendered, cell(rendered, 1)
    run_cell(made.store, job, grid.experiment, gpu=False)
    more = job.model_copy(update={"scored": (*job.scored, "audio/tiny/later-0123")})
    assert planned_action(made.store, more) == ("score", "trained; 1 of 3 renditions are not scored")
    assert cell_state(made.store, more).status == "missing"


def test_a_failure_is_kept_with_its_trace_and_forgotten_when_tried_again(
    rendered: tuple[Tiny, Grid], monkeypatch: pytest.MonkeyPatch
) -> None:
    (made, grid), job = rendered, cell(rendered, 2)

    def broken(*arguments: object, **named: object) -> None:
        raise RuntimeError("first line\nsecond line")

    with monkeypatch.context() as patched:
        patched.setattr("grid.run_cell.train_together", broken)
        assert not run_cell(made.store, job, grid.experiment, gpu=False)
    state = cell_state(made.store, job)
    assert (state.status, state.error) == ("failed", "RuntimeError: first line")
    assert "second line" in Path(state.log).read_text()
    assert planned_action(made.store, job) == ("train", "failed before")
    assert run_cell(made.store, job, grid.experiment, gpu=False)
    assert cell_state(made.store, job).status == "done"


def test_a_cell_whose_process_was_killed_is_no_longer_running(rendered: tuple[Tiny, Grid]) -> None:
    made, job = rendered[0], cell(rendered, 3)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, made.store.root, job.cell_id], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "running\n"
    assert cell_state(made.store, job).status == "running"
    with pytest.raises(Timeout), running(made.store, job, timeout=0):
        pass
    free = cell(rendered, 1)
    assert run_gang(made.store, [free, job], made.grid.experiment, gpu=False) == {
        free.cell_id: True,
        job.cell_id: False,
    }
    assert cell_state(made.store, job).status == "running"  # it is left to its holder, and has not failed
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait(60)
    assert cell_state(made.store, job).status == "missing"
    with running(made.store, job, timeout=0):
        assert is_running(made.store, job)


def test_on_an_object_store_a_cell_is_held_by_its_lease(rendered: tuple[Tiny, Grid]) -> None:
    store, job = Store.open(f"memory://{uuid.uuid4().hex}"), cell(rendered, 0)
    with running(store, job):
        assert is_running(store, job)
        with pytest.raises(Timeout), running(store, job, timeout=0):
            pass
    assert not is_running(store, job)
    assert not store.exists(f"{job.folder}/running.json")


def test_on_a_store_without_locks_a_silent_cell_counts_as_dead(
    rendered: tuple[Tiny, Grid], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grid.core.store.conditional_writes", lambda fs: None)
    store, job = Store.open(f"memory://{uuid.uuid4().hex}"), cell(rendered, 0)
    with running(store, job):
        assert is_running(store, job)
        heartbeat(store, job)
        store.write_json(f"{job.folder}/running.json", {"alive": "2020-01-01T00:00:00+00:00"})
        assert not is_running(store, job)
    assert not store.exists(f"{job.folder}/running.json")


@pytest.fixture
def own(rendered: tuple[Tiny, Grid], request: pytest.FixtureRequest) -> CellJob:
    """A cell of this test alone."""
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)
    return cell(rendered, 0).model_copy(update={"cell_id": name})


def test_a_lost_process_is_the_failure_of_a_cell_that_has_none_itself(
    rendered: tuple[Tiny, Grid], own: CellJob
) -> None:
    store = rendered[0].store
    lost = LostProcessError("its process ended 3 times without a record")
    record_lost_process(store, own, lost, "Ray's lines")
    state = cell_state(store, own)
    assert (state.status, state.kind) == ("failed", "infrastructure")
    assert state.error == "LostProcessError: its process ended 3 times without a record"
    assert "Ray's lines" in Path(state.log).read_text()
    record_failure(store, own, ValueError("its own"), "trace")
    record_lost_process(store, own, lost, "Ray's lines")
    assert cell_state(store, own).error == "ValueError: its own"


def test_a_lost_process_is_no_failure_of_a_cell_that_is_done_or_held(
    rendered: tuple[Tiny, Grid], own: CellJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    (made, grid), lost = rendered, LostProcessError("gone")
    monkeypatch.setattr("grid.cells.status.HELD_SECONDS", 0.05)
    with running(made.store, own):
        record_lost_process(made.store, own, lost, "")
        assert cell_state(made.store, own).status == "running"
    assert cell_state(made.store, own).status == "missing"
    assert run_cell(made.store, own, grid.experiment, gpu=False)
    record_lost_process(made.store, own, lost, "")
    assert not made.store.exists(f"{own.folder}/{FAILURE}")


def test_a_failure_left_beside_a_done_cell_is_not_shown_and_goes_with_the_next_run(
    rendered: tuple[Tiny, Grid], own: CellJob
) -> None:
    made, grid = rendered
    assert run_cell(made.store, own, grid.experiment, gpu=False)
    record_failure(made.store, own, LostProcessError("gone"), "")  # as one that was written while it ended elsewhere
    for state in (cell_state(made.store, own), *cell_states(made.store, [own]), *progress(made.store, [own])):
        assert (state.status, state.error) == ("done", "")
    assert planned_action(made.store, own) == ("skip", "done")
    assert run_cell(made.store, own, grid.experiment, gpu=False)
    assert not made.store.exists(f"{own.folder}/{FAILURE}")


def test_the_record_of_another_cell_is_an_error_and_its_results_are_not_shown(
    rendered: tuple[Tiny, Grid], own: CellJob
) -> None:
    (made, grid), other = rendered, cell(rendered, 1)
    for job in (own, other):
        assert run_cell(made.store, job, grid.experiment, gpu=False)
    made.store.write_bytes(f"{own.folder}/{RECORD}", made.store.read_bytes(f"{other.folder}/{RECORD}"))
    with pytest.raises(RequestError, match=rf"{own.folder} was made from another request: seed: 1 -> 0; delete"):
        cell_state(made.store, own)


def test_failure_lines_are_short(tmp_path: Path, rendered: tuple[Tiny, Grid]) -> None:
    store, job = Store.open(tmp_path), cell(rendered, 0)
    record_failure(store, job, ValueError("x" * 5000), "trace")
    assert len(cell_state(store, job).error) == 1000
    record_failure(store, job, ValueError(), "trace")
    assert cell_state(store, job).error == "ValueError: "


def test_a_frozen_experiment_comes_back_with_its_cells(rendered: tuple[Tiny, Grid]) -> None:
    made, grid = rendered
    assert [read_job(made.store, job.cell_id) for job in grid.cells] == list(grid.cells)
    assert read_experiment(made.store, "tiny").evaluations == grid.experiment.evaluations
    with pytest.raises(RequestError, match=r"experiment 'other' never ran in .*start it with `codecgrid run CONFIG`"):
        read_experiment(made.store, "other")
