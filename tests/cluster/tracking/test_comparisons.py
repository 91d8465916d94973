"""Differences from a baseline on a real MLflow SQLite database: there once both cells are done, never out of date."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.tracking.client import TrackingError, tracking_uri
from cluster.tracking.mirror import Mirror, SyncReport
from cluster.tracking.results import results_from_mlflow
from grid.analysis.results import results_from_store
from grid.core.store import Store
from tests.support.tracking_cells import made_up_cell, made_up_cells, made_up_experiment, write_done, write_renditions

pytestmark = pytest.mark.slow  # MLflow takes 4 s to import

EXPERIMENT = made_up_experiment()
BASELINE = made_up_cell("none", (), "none")
TRAINED = made_up_cells()[0]
CELLS = (BASELINE, TRAINED)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with the renditions that the cells score."""
    made = Store.open(tmp_path / "root")
    write_renditions(made)
    return made


def test_differences_from_a_baseline_that_ends_last_reach_mlflow(store: Store) -> None:
    uri = tracking_uri(EXPERIMENT, store)
    synced = Mirror(EXPERIMENT, CELLS, store)
    write_done(store, TRAINED)
    synced.sync()
    assert results_from_mlflow(EXPERIMENT, CELLS, uri).cells[1].differences == ()
    write_done(store, BASELINE, seed=1)
    synced.sync(measure=False)
    assert synced.sync() == SyncReport(updated=2)
    found = results_from_mlflow(EXPERIMENT, CELLS, uri)
    assert found == results_from_store(store, EXPERIMENT, CELLS)
    none, cell = found.cells
    assert none.differences == ()
    assert [d.difference for d in cell.differences] == [
        a.eer - b.eer for a, b in zip(cell.measurements, none.measurements, strict=True)
    ]
    assert all(d.difference_lower <= d.difference_upper for d in cell.differences)


def test_differences_from_a_baseline_trained_anew_are_made_anew(store: Store) -> None:
    write_done(store, TRAINED)
    write_done(store, BASELINE, seed=1)
    first = results_from_store(store, EXPERIMENT, CELLS).cells[1].differences
    store.remove(BASELINE.folder)
    write_done(store, BASELINE, seed=2)
    second = results_from_store(store, EXPERIMENT, CELLS).cells[1].differences
    assert [d.condition for d in first] == [d.condition for d in second]
    assert first != second


def test_results_done_but_not_compared_is_an_error(store: Store) -> None:
    write_done(store, TRAINED)
    Mirror(EXPERIMENT, (TRAINED,), store).sync()
    write_done(store, BASELINE)
    Mirror(EXPERIMENT, (BASELINE,), store).sync()
    uri = tracking_uri(EXPERIMENT, store)
    with pytest.raises(TrackingError, match=r"not compared with its baseline.*codecgrid sync"):
        results_from_mlflow(EXPERIMENT, CELLS, uri)
    assert Mirror(EXPERIMENT, CELLS, store).sync() == SyncReport(updated=2)  # the other one was not current meanwhile
    assert results_from_mlflow(EXPERIMENT, CELLS, uri) == results_from_store(store, EXPERIMENT, CELLS)
