"""Tests of cluster.tracking on a real MLflow SQLite database: the mirror, its thread, and results read back from it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from cluster.tracking.client import TrackingError, connect, tracking_uri, without_password
from cluster.tracking.mirror import Mirror, MirrorThread, SyncReport
from cluster.tracking.names import cell_params
from cluster.tracking.results import results_from_mlflow
from grid.analysis.results import results_from_store
from grid.cells.job import CellJob, scores_folder
from grid.cells.measurements import measurement_path
from grid.cells.status import record_failure
from grid.core.errors import RequestError
from grid.core.record import finish
from grid.core.store import Store
from grid.scoring.score_tables import SCORES
from tests.support.tracking_cells import (
    alive,
    kill,
    made_up_cells,
    made_up_experiment,
    wait_for,
    write_done,
    write_epochs,
    write_renditions,
)

EXPERIMENT = made_up_experiment()
CELLS = made_up_cells()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with renditions and MLflow's empty tables, which take 2.5 s to make."""
    root = tmp_path_factory.mktemp("template") / "root"
    store = Store.open(root)
    write_renditions(store)
    connect(tracking_uri(EXPERIMENT, store)).get_experiment_by_name("made-up")
    return root


@pytest.fixture
def store(template: Path, tmp_path: Path) -> Store:
    shutil.copytree(template, tmp_path / "root")
    return Store.open(tmp_path / "root")


def mirror(store: Store) -> Mirror:
    """A mirror that knows nothing yet, as a new process has it."""
    return Mirror(EXPERIMENT, CELLS, store)


def logged_runs(store: Store, kind: str = "cell") -> dict[str, Any]:
    """MLflow's active runs of one kind by cell id, each there once."""
    client = connect(tracking_uri(EXPERIMENT, store))
    experiment = client.get_experiment_by_name("made-up")
    found = [r for r in client.search_runs([experiment.experiment_id]) if r.data.tags["codecgrid.kind"] == kind]
    by_id = {run.data.tags.get("cell_id", "grid"): run for run in found}
    assert len(by_id) == len(found)
    return by_id


@pytest.mark.slow
def test_sync_again_in_a_new_process_changes_nothing(store: Store) -> None:
    for job in CELLS[:3]:
        write_done(store, job)
    assert mirror(store).sync() == SyncReport(created=3)
    before = {name: run.to_dictionary() for name, run in logged_runs(store).items()}
    assert mirror(store).sync() == SyncReport(unchanged=3)
    assert {name: run.to_dictionary() for name, run in logged_runs(store).items()} == before


@pytest.mark.slow
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
    assert run.data.params["codec.qua"] == "Mvq"
    assert run.data.params["recipe.optimiser.learning_rate"] == "0.1"
    assert run.data.params["detector.options.backend.options.sinc_taps"] == "129"
    measured = results_from_store(store, EXPERIMENT, CELLS[:1]).cells[0].measurements
    assert run.data.metrics["eer/All/pooled"] == measured[-1].eer
    assert run.data.metrics["eer_percent/All"] == round(100 * measured[-1].eer, 4)
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
    history = connect(tracking_uri(EXPERIMENT, store)).get_metric_history(done.info.run_id, "train_loss")
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
    renamed = (CELLS[0].model_copy(update={"selection": "other-name"}),)
    assert Mirror(EXPERIMENT, renamed, store).sync() == SyncReport(updated=1)
    assert logged_runs(store)[CELLS[0].cell_id].data.params["selection"] == "other-name"


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


@pytest.mark.slow
def test_sync_many_measurements_pass_mlflows_limits(store: Store) -> None:
    many = {f"evaluation {i}": {"bonafide": "raw", "spoof": "cosg"} for i in range(300)}
    experiment = made_up_experiment(evaluations=many)
    write_done(store, CELLS[0])
    assert Mirror(experiment, CELLS, store).sync() == SyncReport(created=1)
    found = results_from_mlflow(experiment, CELLS, tracking_uri(experiment, store))
    assert len(found.cells[0].measurements) == 300
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


def test_results_of_mlflow_and_store_are_equal(store: Store) -> None:
    write_done(store, CELLS[0])
    write_done(store, CELLS[4])
    write_epochs(store, CELLS[1], 1)
    record_failure(store, CELLS[1], ValueError("the loss is nan: 50 % of it\nmore"), "trace")
    kill(store, CELLS[2], epochs=1)
    mirror(store).sync()
    found = same_as_store(store)
    assert [cell.status for cell in found.cells] == ["done", "failed", "missing", "missing", "done"]
    assert found.cells[1].error == "ValueError: the loss is nan: 50 % of it"
    assert [m.condition for m in found.cells[0].measurements] == [
        "pooled",
        "codec=encodec-24khz-6kbps",
        "codec=mimi-8cb",
        "attack=world",
        "pooled",
    ]
    assert found.cells[4].codecs == ("encodec-24khz-6kbps", "mimi-8cb")
    assert [(facts.name, facts.letter) for facts in found.codecs.values()] == [
        ("encodec-24khz-6kbps", "D1"),
        ("mimi-8cb", "U"),
    ]


def test_results_done_cell_that_cannot_be_measured_is_failed_in_both(store: Store) -> None:
    write_done(store, CELLS[0])
    write_done(store, CELLS[1])
    place = scores_folder(CELLS[0].folder, CELLS[0].scored[0])
    store.write_bytes(f"{place}/{SCORES}", b"damaged")
    mirror(store).sync()
    found = same_as_store(store)
    assert [cell.status for cell in found.cells[:2]] == ["failed", "done"]
    assert "changed after it was written" in found.cells[0].error


def test_sync_of_damaged_measurements_mirrors_none_and_then_those_of_the_scores(store: Store) -> None:
    write_done(store, CELLS[0])
    (measured,) = (cell.measurements for cell in results_from_store(store, EXPERIMENT, CELLS[:1]).cells)
    path = measurement_path(CELLS[0], EXPERIMENT)
    eer = f'"eer": {measured[0].eer}'.encode()
    content = store.read_bytes(path)
    assert eer in content
    store.write_bytes(path, content.replace(eer, b'"eer": 0.015625', 1))
    mirror(store).sync(measure=False)
    assert not [name for name in logged_runs(store)[CELLS[0].cell_id].data.metrics if name.startswith("eer/")]
    mirror(store).sync()
    assert same_as_store(store).cells[0].measurements == measured


def test_results_running_cell_is_running_in_both(store: Store) -> None:
    with alive(store, CELLS[0]):
        mirror(store).sync()
        assert same_as_store(store).cells[0].status == "running"


def test_results_done_but_not_measured_is_an_error(store: Store) -> None:
    write_done(store, CELLS[0])
    mirror(store).sync(measure=False)
    with pytest.raises(TrackingError, match=r"not measured.*codecgrid sync"):
        results_from_mlflow(EXPERIMENT, CELLS, tracking_uri(EXPERIMENT, store))
    assert mirror(store).sync().updated == 1
    same_as_store(store)


def test_results_metric_changed_by_hand_is_an_error(store: Store) -> None:
    write_done(store, CELLS[0])
    mirror(store).sync()
    run = logged_runs(store)[CELLS[0].cell_id]
    connect(tracking_uri(EXPERIMENT, store)).log_metric(run.info.run_id, "eer/All/pooled", 0.0)
    with pytest.raises(TrackingError, match="are not those of the store"):
        results_from_mlflow(EXPERIMENT, CELLS, tracking_uri(EXPERIMENT, store))


def test_results_never_synced_or_unreachable_is_an_error(store: Store) -> None:
    with pytest.raises(TrackingError, match="no experiment 'made-up'"):
        results_from_mlflow(EXPERIMENT, CELLS, tracking_uri(EXPERIMENT, store))
    with pytest.raises(TrackingError, match="cannot be read"):
        results_from_mlflow(EXPERIMENT, CELLS, "http://127.0.0.1:9")


def same_as_store(store: Store) -> Any:
    """The results from MLflow, which are those from the store."""
    found = results_from_mlflow(EXPERIMENT, CELLS, tracking_uri(EXPERIMENT, store))
    assert found == results_from_store(store, EXPERIMENT, CELLS)
    return found


def test_thread_mirrors_while_it_runs_and_at_its_end(store: Store) -> None:
    synced = mirror(store)
    with MirrorThread(synced, every_seconds=0.05):
        with alive(store, CELLS[0]):
            write_epochs(store, CELLS[0], 2)
            wait_for(lambda: logged_runs(store)[CELLS[0].cell_id].data.tags["epochs"] == "2")
        write_done(store, CELLS[1])
    assert {run.info.status for run in logged_runs(store).values()} == {"KILLED", "FINISHED"}


def test_thread_damaged_store_does_not_stop_the_grid(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    finish(store, CELLS[0].folder, kind="cell", identity={}, outputs=[], results={})
    store.write_bytes(f"{CELLS[0].folder}/record.json", b"{")
    thread = MirrorThread(mirror(store), every_seconds=0.01)
    thread.start()
    wait_for(lambda: "damaged" in caplog.text)
    assert "is damaged" in thread.stop().failed_reason


def test_tracking_uri_remote_root_needs_an_address() -> None:
    remote = Store.open("memory://bucket")
    with pytest.raises(RequestError, match=r"memory://bucket is not a local folder.*tracking_uri"):
        Mirror(EXPERIMENT, CELLS, remote)
    server = made_up_experiment(tracking_uri="http://mlflow:5000")
    assert tracking_uri(server, remote) == "http://mlflow:5000"


def test_without_password_hides_it() -> None:
    assert without_password("at postgresql://me:secret@host/db") == "at postgresql://***@host/db"


def test_cell_params_same_identity_same_text() -> None:
    params = cell_params(CELLS[4])
    assert params["codecs"] == "encodec-24khz-6kbps,mimi-8cb"
    assert not [key for key in params if key.startswith("codec.")]
    assert all(len(value) <= 6000 for value in params.values())
    assert params == cell_params(CellJob.model_validate_json(CELLS[4].model_dump_json()))
