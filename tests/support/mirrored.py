"""The made-up experiment in a real MLflow SQLite database: its mirror, its runs, and its results from both sides."""

from __future__ import annotations

from typing import Any

from cluster.tracking.client import connect, tracking_uri
from cluster.tracking.mirror import Mirror
from cluster.tracking.results import results_from_mlflow
from grid.analysis.results import results_from_store
from grid.core.store import Store
from tests.support.tracking_cells import made_up_cells, made_up_experiment

EXPERIMENT = made_up_experiment()
CELLS = made_up_cells()


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


def same_as_store(store: Store) -> Any:
    """The results from MLflow, which are those from the store."""
    found = results_from_mlflow(EXPERIMENT, CELLS, tracking_uri(EXPERIMENT, store))
    assert found == results_from_store(store, EXPERIMENT, CELLS)
    return found
