"""Reads the results of a grid from MLflow; they are bit-equal to those read from the store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import starmap
from typing import Any

from cluster.tracking.artifacts import ArtifactFolder
from cluster.tracking.cell_files import MEASUREMENTS
from cluster.tracking.cell_run import MEASURED, evaluations_key, measurements_digest, pooled_eers
from cluster.tracking.client import (
    LoggedRun,
    TrackingError,
    connect,
    find_experiment,
    is_server,
    runs,
    without_password,
)
from cluster.tracking.desired_run import CELL_ID, ERROR, EVALUATIONS, KIND, REPLACED_BY, logged_marks
from grid.analysis.results import CellResult, GridResults, grid_results
from grid.cells.baseline import baseline_of
from grid.cells.job import CellJob
from grid.config.experiment import Experiment
from grid.core.vocabulary import NO_CORS, Status
from grid.metrics.differences import Difference
from grid.metrics.evaluation import Measurement

STATUSES: dict[str, Status] = {"FINISHED": "done", "FAILED": "failed", "RUNNING": "running"}
REPAIR = "`codecgrid sync CONFIG` repairs it"
DOWNLOADS = 8
"""Files that are asked of a server at the same time."""


def results_from_mlflow(experiment: Experiment, cells: Sequence[CellJob], uri: str) -> GridResults:
    """The results of `cells` from the runs at `uri`; a cell without a run is missing.

    Raises TrackingError when MLflow cannot be reached or is out of date; the store can be read instead.
    """
    try:
        runs_by_cell = _runs(experiment, uri)
        read = _Reader(experiment, uri)
        pairs = [(job, runs_by_cell.get(job.cell_id)) for job in cells]
        if is_server(uri):
            with ThreadPoolExecutor(DOWNLOADS) as pool:
                results = list(pool.map(read.cell, *zip(*pairs, strict=True))) if pairs else []
        else:
            results = list(starmap(read.cell, pairs))
    except TrackingError:
        raise
    except Exception as error:
        message = without_password(f"MLflow at {uri} cannot be read: {type(error).__name__}: {str(error)[:400]}")
        raise TrackingError(message) from error
    _check_comparisons(results)
    return grid_results(experiment, cells, results)


def _runs(experiment: Experiment, uri: str) -> dict[str, LoggedRun]:
    client = connect(uri)
    experiment_id = find_experiment(client, experiment.name)
    if experiment_id is None:
        raise TrackingError(f"MLflow at {without_password(uri)} has no experiment {experiment.name!r}; {REPAIR}")
    by_cell: dict[str, LoggedRun] = {}
    for run in runs(client, experiment_id):
        if run.tags[KIND] == "cell" and CELL_ID in run.tags and REPLACED_BY not in run.tags:
            by_cell.setdefault(run.tags[CELL_ID], run)
    return by_cell


@dataclass(frozen=True)
class _Reader:
    """Reads the results of cells from their runs at `uri`."""

    experiment: Experiment
    uri: str

    def cell(self, job: CellJob, run: LoggedRun | None) -> CellResult:
        """The result of one cell. Raises TrackingError for a run that is not that of the store."""
        status = STATUSES.get(run.status, "missing") if run is not None else "missing"
        identity = (job.cell_id, job.selection, job.codecs, job.policy, job.detector, job.seed)
        if run is None or status != "done":
            error = run.tags.get(ERROR, "") if run is not None and status == "failed" else ""
            return CellResult(*identity, status, error)
        if run.tags.get(EVALUATIONS) != evaluations_key(job, self.experiment):
            raise TrackingError(
                f"the MLflow run {run.run_id} of cell {job.cell_id} is not measured, or under other evaluations; "
                f"{REPAIR}"
            )
        content = self._measurements(run)
        result = CellResult(
            *identity,
            status,
            measurements=tuple(Measurement(**item) for item in content["measurements"]),
            differences=tuple(Difference(**item) for item in content["differences"]),
        )
        shown = pooled_eers(result)
        if logged_marks(run.tags).get(MEASURED) != measurements_digest(result) or any(
            run.metrics.get(name) != value for name, value in shown.items()
        ):
            raise TrackingError(f"the metrics of the MLflow run {run.run_id} are not those of the store; {REPAIR}")
        return result

    def _measurements(self, run: LoggedRun) -> Any:
        try:
            return json.loads(ArtifactFolder(run.artifact_uri, self.uri).read(MEASUREMENTS))
        except Exception as error:  # whatever the place of the artifacts raises for a file that is lost or damaged
            raise TrackingError(f"the MLflow run {run.run_id} has no readable {MEASUREMENTS}; {REPAIR}") from error


def _check_comparisons(results: Sequence[CellResult]) -> None:
    """Raises TrackingError for a cell that is not compared with its baseline though both are done."""
    without_cors = [result for result in results if result.policy == NO_CORS]
    for result in results:
        baseline = baseline_of(result, without_cors)
        if baseline is not None and baseline.status == result.status == "done" and not result.differences:
            raise TrackingError(f"the MLflow run of cell {result.cell_id} is not compared with its baseline; {REPAIR}")
