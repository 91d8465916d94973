"""Reads the results of a grid from MLflow; they are bit-equal to those read from the store."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from cluster.tracking import names as metric_names
from cluster.tracking.client import (
    CELL_ID,
    KIND,
    LoggedRun,
    TrackingError,
    connect,
    find_experiment,
    runs,
    without_password,
)
from cluster.tracking.desired_runs import (
    BASELINE,
    ERROR,
    EVALUATIONS,
    MEASURED,
    PLACES,
    evaluations_key,
    measurements_digest,
)
from grid.analysis.results import CellResult, GridResults, grid_results
from grid.cells.baseline import baseline_of
from grid.cells.job import CellJob
from grid.config.experiment import Experiment
from grid.core.vocabulary import Status

STATUSES: dict[str, Status] = {"FINISHED": "done", "FAILED": "failed", "RUNNING": "running"}
REPAIR = "`codecgrid sync CONFIG` repairs it"


def results_from_mlflow(experiment: Experiment, cells: Sequence[CellJob], uri: str) -> GridResults:
    """The results of `cells` from the runs at `uri`; a cell without a run is missing.

    Raises TrackingError when MLflow cannot be reached or is out of date; the store can be read instead.
    """
    try:
        runs_by_cell = _runs(experiment, uri)
    except TrackingError:
        raise
    except Exception as error:
        message = without_password(f"MLflow at {uri} cannot be read: {type(error).__name__}: {str(error)[:400]}")
        raise TrackingError(message) from error
    results = [_cell(experiment, job, runs_by_cell.get(job.cell_id)) for job in cells]
    _check_comparisons(results)
    return grid_results(experiment, cells, results)


def _runs(experiment: Experiment, uri: str) -> dict[str, LoggedRun]:
    client = connect(uri)
    experiment_id = find_experiment(client, experiment.name)
    if experiment_id is None:
        raise TrackingError(f"MLflow at {without_password(uri)} has no experiment {experiment.name!r}; {REPAIR}")
    by_cell: dict[str, LoggedRun] = {}
    for run in runs(client, experiment_id):
        if run.tags[KIND] == "cell" and CELL_ID in run.tags:
            by_cell.setdefault(run.tags[CELL_ID], run)
    return by_cell


def _cell(experiment: Experiment, job: CellJob, run: LoggedRun | None) -> CellResult:
    if run is None:
        return CellResult(job.cell_id, job.selection, job.codecs, job.policy, job.detector, job.seed, "missing")
    try:
        status = STATUSES.get(run.status, "missing")
        result = CellResult(
            cell_id=run.tags[CELL_ID],
            selection=run.params["selection"],
            codecs=tuple(filter(None, run.params.get("codecs", "").split(","))),
            policy=run.params["policy"],
            detector=run.params["detector"],
            seed=int(run.params["seed"]),
            status=status,
            error=run.tags.get(ERROR, "") if status == "failed" else "",
            measurements=metric_names.measurements(_places(run), run.metrics) if status == "done" else (),
            differences=metric_names.differences(_places(run), run.metrics) if _compared(run, status) else (),
        )
    except (KeyError, ValueError) as error:
        raise TrackingError(f"the MLflow run {run.run_id} of cell {job.cell_id} is incomplete; {REPAIR}") from error
    if status == "done":
        _check(experiment, job, run, result)
    return result


def _compared(run: LoggedRun, status: Status) -> bool:
    """Whether the run holds the differences of its measurements from those of the baseline."""
    return status == "done" and BASELINE in run.tags


def _check(experiment: Experiment, job: CellJob, run: LoggedRun, result: CellResult) -> None:
    """Raises TrackingError unless the run holds all measurements of the current evaluations, unchanged."""
    if run.tags.get(EVALUATIONS) != evaluations_key(job, experiment):
        raise TrackingError(
            f"the MLflow run {run.run_id} of cell {job.cell_id} is not measured, or under other evaluations; {REPAIR}"
        )
    if run.tags.get(MEASURED) != measurements_digest(result):
        raise TrackingError(f"the metrics of the MLflow run {run.run_id} are not those of the store; {REPAIR}")


def _check_comparisons(results: Sequence[CellResult]) -> None:
    """Raises TrackingError for a cell that is not compared with its baseline though both are done."""
    for result in results:
        baseline = baseline_of(result, results)
        if baseline is not None and baseline.status == result.status == "done" and not result.differences:
            raise TrackingError(f"the MLflow run of cell {result.cell_id} is not compared with its baseline; {REPAIR}")


def _places(run: LoggedRun) -> Iterator[str]:
    """The measurements of a run in their order."""
    chunk = 0
    while (listed := run.tags.get(f"{PLACES}{chunk}")) is not None:
        yield from json.loads(listed)
        chunk += 1
