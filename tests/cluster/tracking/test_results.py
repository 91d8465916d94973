"""Results read back from a real MLflow SQLite database: those of the store to the last bit, or an error."""

from __future__ import annotations

import shutil

import pytest

from cluster.tracking.client import TrackingError, connect, tracking_uri
from cluster.tracking.results import results_from_mlflow
from grid.cells.job import scores_folder
from grid.cells.status import record_failure
from grid.core.store import Store
from grid.scoring.score_tables import SCORES
from tests.support.mirrored import CELLS, EXPERIMENT, logged_runs, mirror, same_as_store
from tests.support.tracking_cells import (
    alive,
    kill,
    write_done,
    write_epochs,
)

pytestmark = pytest.mark.slow  # MLflow takes 4 s to import


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
    connect(tracking_uri(EXPERIMENT, store)).log_metric(run.info.run_id, "eer_percent/All", 0.0)
    with pytest.raises(TrackingError, match="are not those of the store"):
        results_from_mlflow(EXPERIMENT, CELLS, tracking_uri(EXPERIMENT, store))


def test_results_lost_artifact_is_an_error(store: Store) -> None:
    write_done(store, CELLS[0])
    mirror(store).sync()
    shutil.rmtree(store.uri("mlartifacts"))
    with pytest.raises(TrackingError, match=r"no readable measurements\.json.*codecgrid sync"):
        results_from_mlflow(EXPERIMENT, CELLS, tracking_uri(EXPERIMENT, store))


def test_results_never_synced_or_unreachable_is_an_error(store: Store) -> None:
    with pytest.raises(TrackingError, match="no experiment 'made-up'"):
        results_from_mlflow(EXPERIMENT, CELLS, tracking_uri(EXPERIMENT, store))
    with pytest.raises(TrackingError, match="cannot be read"):
        results_from_mlflow(EXPERIMENT, CELLS, "http://127.0.0.1:9")
