"""Tests of cluster.tracking.mirror on a real MLflow SQLite database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from cluster.tracking.client import TrackingError, connect, tracking_uri, without_password
from cluster.tracking.desired_run import CURRENT, REPLACED_BY
from cluster.tracking.mirror import Mirror, SyncReport
from cluster.tracking.results import results_from_mlflow
from grid.analysis.results import results_from_store
from grid.cells.job import CellJob
from grid.cells.measurements import measurement_path
from grid.cells.status import CellState, cell_states, record_failure
from grid.core.errors import RequestError
from grid.core.store import Store
from tests.support.mirrored import CELLS, EXPERIMENT, logged_runs, mirror, same_as_store
from tests.support.tracking_cells import (
    alive,
    kill,
    made_up_experiment,
    write_done,
    write_epochs,
)

pytestmark = pytest.mark.slow  # MLflow takes 4 s to import, and a second for each sync


def test_sync_again_in_a_new_process_changes_nothing(store: Store) -> None:
    for job in CELLS[:3]:
        write_done(store, job)
    assert mirror(store).sync() == SyncReport(created=3)
    before = {name: run.to_dictionary() for name, run in logged_runs(store).items()}
    assert mirror(store).sync() == SyncReport(unchanged=3)
    assert {name: run.to_dictionary() for name, run in logged_runs(store).items()} == before


def test_sync_more_runs_than_a_page_finds_them_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster.tracking.client.PAGE", 2)
    for job in CELLS:
        write_done(store, job)
    mirror(store).sync()
    assert mirror(store).sync() == SyncReport(unchanged=5)
    same_as_store(store)


def test_sync_again_in_the_same_process_makes_no_call(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    write_done(store, CELLS[0])
    synced = mirror(store)
    synced.sync()
    from mlflow import MlflowClient

    for call in ("search_runs", "log_batch", "create_run", "set_terminated", "update_run", "delete_tag"):
        monkeypatch.delattr(MlflowClient, call)
    assert synced.sync() == SyncReport(unchanged=1)


def test_sync_done_cell_says_what_it_is_and_what_it_measured(store: Store) -> None:
    write_done(store, CELLS[0])
    mirror(store).sync()
    run, grid = logged_runs(store)[CELLS[0].cell_id], logged_runs(store, "grid")["grid"]
    assert run.info.status == "FINISHED"
    assert run.info.end_time - run.info.start_time == 180_000  # three epochs of 60 s
    assert run.data.tags["mlflow.parentRunId"] == grid.info.run_id
    assert (run.info.run_name, run.data.params["selection"]) == ("encodec-24khz-6kbps bonafide", "encodec-24khz-6kbps")
    assert (run.data.params["policy"], run.data.tags["detector"], run.data.tags["seed"]) == (
        "bonafide",
        "aasist-l",
        "0",
    )
    assert run.data.tags["mlflow.note.content"].startswith(
        "The detector aasist-l, trained on c with speech resynthesised by encodec-24khz-6kbps, labelled by the policy "
    )
    assert [(each.dataset.name, each.dataset.digest) for each in run.inputs.dataset_inputs] == [("c", "0" * 36)]
    measured = results_from_store(store, EXPERIMENT, CELLS[:1]).cells[0].measurements
    assert run.data.metrics["eer_percent/All"] == round(100 * measured[-1].eer, 4)
    assert sorted(name.split("/")[-1] for name in run.data.metrics if name.startswith("scores/All/")) == [
        *("act_dcf", "auc_percent", "cllr", "min_cllr", "min_dcf"),
    ]
    assert min(run.data.metrics).startswith("eer_percent/")
    assert grid.data.metrics["cells_done"] == 1


def test_sync_failed_then_resumed_then_done_is_one_run(store: Store) -> None:
    job = CELLS[0]
    write_epochs(store, job, 1)
    record_failure(store, job, RuntimeError("out of memory"), "trace")
    assert mirror(store).sync().created == 1
    failed = logged_runs(store)[job.cell_id]
    assert (failed.info.status, failed.data.tags["error"]) == ("FAILED", "RuntimeError: out of memory")
    with alive(store, job):
        write_epochs(store, job, 2)
        assert mirror(store).sync().updated == 1
        resumed = logged_runs(store)[job.cell_id]
    assert resumed.info.status == "RUNNING"
    assert "error" not in resumed.data.tags
    write_done(store, job)
    assert mirror(store).sync().updated == 1
    done = logged_runs(store)[job.cell_id]
    assert done.info.status == "FINISHED"
    assert failed.info.run_id == resumed.info.run_id == done.info.run_id
    history = connect(tracking_uri(EXPERIMENT, store)).get_metric_history(done.info.run_id, "training/train_loss")
    assert [(metric.step, metric.value) for metric in history] == [(0, 1 / 3), (1, 1 / 4), (2, 1 / 5)]


def test_sync_cell_without_a_live_process_is_killed(store: Store) -> None:
    job = CELLS[0]
    with alive(store, job):
        write_epochs(store, job, 1)
        mirror(store).sync()
        assert logged_runs(store)[job.cell_id].info.status == "RUNNING"
    kill(store, job, epochs=1)
    mirror(store).sync()
    killed = logged_runs(store)[job.cell_id]
    assert killed.info.status == "KILLED"
    assert logged_runs(store, "grid")["grid"].info.status == "KILLED"


def test_sync_live_grid_keeps_running_between_cells(store: Store) -> None:
    mirror(store).sync(live=True)
    assert logged_runs(store, "grid")["grid"].info.status == "RUNNING"
    assert logged_runs(store) == {}


def test_sync_cell_scored_anew_shows_the_new_numbers(store: Store) -> None:
    job = CELLS[0]
    write_done(store, job)
    mirror(store).sync()
    store.remove(job.folder)
    write_done(store, job, seed=1)
    assert mirror(store).sync().updated == 1
    same_as_store(store)


def test_sync_other_evaluations_leave_no_old_measurement(store: Store) -> None:
    write_done(store, CELLS[0])
    mirror(store).sync()
    fewer = made_up_experiment(evaluations={"All": {"bonafide": "raw", "spoof": "cosg"}})
    uri = tracking_uri(fewer, store)
    with pytest.raises(TrackingError, match=r"other evaluations.*codecgrid sync"):
        results_from_mlflow(fewer, CELLS, uri)
    assert Mirror(fewer, CELLS, store).sync().updated == 1
    found = results_from_mlflow(fewer, CELLS, uri)
    assert found == results_from_store(store, fewer, CELLS)
    assert [m.evaluation for m in found.cells[0].measurements] == ["All"]


def test_sync_ghost_runs_the_oldest_stays(store: Store) -> None:
    write_done(store, CELLS[0])
    mirror(store).sync()
    oldest = logged_runs(store)[CELLS[0].cell_id]
    client = connect(tracking_uri(EXPERIMENT, store))
    tags = {"codecgrid.kind": "cell", "cell_id": CELLS[0].cell_id}
    for _ in range(2):
        client.create_run(oldest.info.experiment_id, tags=tags)
    assert mirror(store).sync() == SyncReport(unchanged=1, duplicates=2)
    assert logged_runs(store)[CELLS[0].cell_id].info.run_id == oldest.info.run_id


def test_sync_run_made_meanwhile_by_another_process_is_not_made_twice(store: Store) -> None:
    first = mirror(store)
    first.sync(live=True)
    write_done(store, CELLS[0])
    mirror(store).sync()
    assert first.sync() == SyncReport(unchanged=1)
    assert list(logged_runs(store)) == [CELLS[0].cell_id]


def test_sync_renamed_selection_replaces_the_run(store: Store) -> None:
    write_done(store, CELLS[0])
    mirror(store).sync()
    renamed = (CELLS[0].model_copy(update={"selection": "other-name"}), *CELLS[1:])
    assert Mirror(EXPERIMENT, renamed, store).sync() == SyncReport(updated=1)
    assert logged_runs(store)[CELLS[0].cell_id].data.params["selection"] == "other-name"


def test_sync_cell_trained_anew_has_a_new_run_and_the_old_one_says_so(store: Store) -> None:
    job = CELLS[0]
    write_done(store, job)
    mirror(store).sync()
    old = logged_runs(store)[job.cell_id]
    store.remove(job.folder)
    write_done(store, job, seed=1, weights=b"other weights")
    assert mirror(store).sync().updated == 1
    client = connect(tracking_uri(EXPERIMENT, store))
    (new,) = client.search_runs([old.info.experiment_id], f"tags.`{CURRENT}` = 'yes'")
    before = client.get_run(old.info.run_id).data.tags
    assert (before[CURRENT], before[REPLACED_BY]) == ("no", new.info.run_id)
    assert before["mlflow.note.content"].endswith(f"(Not current: replaced by the run {new.info.run_id}.)")
    assert mirror(store).sync() == SyncReport(unchanged=1)
    same_as_store(store)


def test_sync_cell_that_left_the_grid_is_not_current_until_it_comes_back(store: Store) -> None:
    for job in CELLS[:2]:
        write_done(store, job)
    mirror(store).sync()
    runs = logged_runs(store)
    assert Mirror(EXPERIMENT, CELLS[1:], store).sync().failed_reason == ""
    left = logged_runs(store)
    assert [left[job.cell_id].data.tags[CURRENT] for job in CELLS[:2]] == ["no", "yes"]
    mirror(store).sync()
    again = logged_runs(store)
    assert [again[job.cell_id].data.tags[CURRENT] for job in CELLS[:2]] == ["yes", "yes"]
    assert {name: run.info.run_id for name, run in again.items()} == {n: run.info.run_id for n, run in runs.items()}


def test_sync_in_a_new_process_reads_no_cell_that_is_as_it_was(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for job in CELLS[:3]:
        write_done(store, job)
    mirror(store).sync()
    read: list[str] = []

    def recorded(store: Store, jobs: Sequence[CellJob]) -> list[CellState]:
        read.extend(job.cell_id for job in jobs)
        return cell_states(store, jobs)

    monkeypatch.setattr("cluster.tracking.mirror.cell_states", recorded)
    assert mirror(store).sync() == SyncReport(unchanged=3)
    assert read == [job.cell_id for job in CELLS[3:]]  # which did not begin
    store.remove(f"{CELLS[1].folder}/scores")
    assert mirror(store).sync() == SyncReport(updated=1, unchanged=2)
    assert read[2:] == [CELLS[1].cell_id, *(job.cell_id for job in CELLS[3:])]


def test_sync_deleted_experiment_and_run_come_back(store: Store) -> None:
    for job in CELLS[:2]:
        write_done(store, job)
    mirror(store).sync()
    client = connect(tracking_uri(EXPERIMENT, store))
    runs = logged_runs(store)
    client.delete_run(runs[CELLS[0].cell_id].info.run_id)
    assert mirror(store).sync() == SyncReport(created=1, unchanged=1)
    client.delete_experiment(runs[CELLS[0].cell_id].info.experiment_id)
    assert mirror(store).sync().failed_reason == ""
    same_as_store(store)


def test_sync_many_measurements_pass_mlflows_limits(store: Store) -> None:
    many = {f"evaluation {i}": {"bonafide": "raw", "spoof": "cosg"} for i in range(140)}
    experiment = made_up_experiment(evaluations=many)
    write_done(store, CELLS[0])
    assert Mirror(experiment, CELLS, store).sync() == SyncReport(created=1)
    found = results_from_mlflow(experiment, CELLS, tracking_uri(experiment, store))
    assert len(found.cells[0].measurements) == 140
    assert found == results_from_store(store, experiment, CELLS)


def test_sync_mlflow_unreachable_gives_a_reason_and_a_later_sync_repairs(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    write_done(store, CELLS[0])
    unreachable = made_up_experiment(tracking_uri="http://user:secret@127.0.0.1:9")
    lost = Mirror(unreachable, CELLS, store)
    reasons = [lost.sync().failed_reason for _ in range(2)]
    assert all("MLflow at http://***@127.0.0.1:9 was not brought up to date" in reason for reason in reasons)
    warnings = [record.getMessage() for record in caplog.records if "codecgrid sync CONFIG" in record.getMessage()]
    assert len(warnings) == 1
    assert "secret" not in caplog.text
    assert mirror(store).sync() == SyncReport(created=1)
    same_as_store(store)


def test_sync_mlflow_breaks_halfway_the_next_sync_goes_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for job in CELLS[:3]:
        write_done(store, job)
    from mlflow import MlflowClient

    log_batch, calls = MlflowClient.log_batch, []

    def breaking(self: Any, *arguments: Any, **named: Any) -> Any:
        calls.append(named)
        if len(calls) == 3:  # the grid's run, a cell's run, and then the run that was just made for the next cell
            raise ConnectionError("the database is gone")
        return log_batch(self, *arguments, **named)

    synced = mirror(store)
    monkeypatch.setattr(MlflowClient, "log_batch", breaking)
    assert "the database is gone" in synced.sync().failed_reason
    assert synced.sync() == SyncReport(created=1, updated=1, unchanged=1)
    same_as_store(store)


def test_sync_of_damaged_measurements_mirrors_none_and_then_those_of_the_scores(store: Store) -> None:
    write_done(store, CELLS[0])
    (measured,) = (cell.measurements for cell in results_from_store(store, EXPERIMENT, CELLS[:1]).cells)
    path = measurement_path(CELLS[0], EXPERIMENT)
    eer = f'"eer": {measured[0].eer}'.encode()
    content = store.read_bytes(path)
    assert eer in content
    store.write_bytes(path, content.replace(eer, b'"eer": 0.015625', 1))
    mirror(store).sync(measure=False)
    assert not [name for name in logged_runs(store)[CELLS[0].cell_id].data.metrics if name.startswith("eer_percent/")]
    mirror(store).sync()
    assert same_as_store(store).cells[0].measurements == measured


def test_tracking_uri_remote_root_needs_an_address() -> None:
    remote = Store.open("memory://bucket")
    with pytest.raises(RequestError, match=r"memory://bucket is not a local folder.*tracking_uri"):
        Mirror(EXPERIMENT, CELLS, remote)
    server = made_up_experiment(tracking_uri="http://mlflow:5000")
    assert tracking_uri(server, remote) == "http://mlflow:5000"


def test_without_password_hides_it() -> None:
    assert without_password("at postgresql://me:secret@host/db") == "at postgresql://***@host/db"
