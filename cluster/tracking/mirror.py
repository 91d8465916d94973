"""Mirrors the store to MLflow. Only the driver writes, and a sync may be repeated at any time."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cluster.tracking.cell_run import CellRuns, CellView
from cluster.tracking.client import (
    LoggedRun,
    artifact_location,
    connect,
    open_experiment,
    runs,
    tracking_uri,
    without_password,
)
from cluster.tracking.desired_run import CELL_ID, CURRENT, KIND, REPLACED_BY, SOURCE, STAMP
from cluster.tracking.facts import AXES, GridFacts
from cluster.tracking.grid_run import GridProgress, command, desired_grid_run
from cluster.tracking.stamps import Stamps
from cluster.tracking.view import experiment_tags
from cluster.tracking.writer import RunWriter
from grid.analysis.results import cell_result
from grid.cells.baseline import baseline_of
from grid.cells.job import CellJob
from grid.cells.status import CellState, cell_states
from grid.config.experiment import Experiment
from grid.core.record import commit
from grid.core.store import Store
from grid.core.vocabulary import NO_CORS
from grid.measuring.calibrate import EvaluationCalibration, calibrate_cell, stored_calibration

log = logging.getLogger(__name__)

LOCK_SECONDS = 60.0
STATUS_OF_RUN = {"FINISHED": "done", "FAILED": "failed"}
"""The status of a cell whose run has a stamp."""


@dataclass(frozen=True)
class SyncReport:
    """The numbers of cell runs that a sync wrote; `failed_reason` is empty when MLflow now agrees with the store."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: int = 0
    failed_reason: str = ""


@dataclass
class _Mlflow:
    """The runs in MLflow, as of the last search and the writes of this process since.

    `left_over` are runs of cells that the grid does not have any more.
    """

    client: Any
    writer: RunWriter
    grid: LoggedRun | None = None
    cells: dict[str, LoggedRun] = field(default_factory=dict)
    left_over: list[LoggedRun] = field(default_factory=list)


class Mirror:
    """The MLflow runs of one experiment: one for each cell that began, and their parent."""

    def __init__(self, experiment: Experiment, cells: Sequence[CellJob], store: Store) -> None:
        """Raises RequestError when the root is remote and the experiment names no MLflow server."""
        self.uri = tracking_uri(experiment, store)
        self._experiment = experiment
        self._cells = tuple(cells)
        self._store = store
        self._facts = GridFacts.of(self._cells)
        without_cors = [job for job in self._cells if job.policy == NO_CORS]
        self._baselines = {job.cell_id: baseline_of(job, without_cors) for job in self._cells}
        self._views: dict[str, CellView] = {}
        self._mirrored: dict[str, CellView] = {}
        self._mlflow: _Mlflow | None = None
        self._duplicates = 0
        self._warned = False
        self._one_at_a_time = threading.Lock()

    def sync(self, *, measure: bool = True, live: bool = False) -> SyncReport:
        """Updates MLflow from the store. Errors of MLflow are not raised but returned as `failed_reason`.

        `measure`: measure cells that are done and not measured yet. `live`: a run of the experiment is in progress.
        """
        with self._one_at_a_time:
            self._duplicates = 0
            try:
                self._mlflow = self._mlflow or self._search()
            except Exception as error:  # no error of MLflow may stop the run
                return self._failed(error)
            self._read_store(self._mlflow.cells, measure)
            try:
                with self._store.lock(f"experiments/{self._experiment.name}.mlflow.lock", timeout=LOCK_SECONDS):
                    report = self._write(self._mlflow, live)
            except Exception as error:
                return self._failed(error)
            self._warned = False
            return report

    def _failed(self, error: Exception) -> SyncReport:
        self._mlflow = None
        self._mirrored.clear()
        return SyncReport(failed_reason=self._reason(error))

    def _read_store(self, logged: dict[str, LoggedRun], measure: bool) -> None:
        """Reads every cell that can have changed: not those whose run has the stamp of their files."""
        open_cells = [job for job in self._cells if not self._is_settled(job)]
        if not open_cells:
            return
        stamps = Stamps(self._store, self._experiment)
        changed = [job for job in open_cells if not self._has_stamp(logged.get(job.cell_id), job, stamps)]
        for job in open_cells:
            self._views.pop(job.cell_id, None)
        views = [self._view(state, measure) for state in cell_states(self._store, changed)] if changed else []
        stamps = Stamps(self._store, self._experiment)  # measuring wrote files
        for view in views:
            job = view.state.job
            stamp = self._stamp(job, stamps) if view.settled else ""
            self._views[job.cell_id] = replace(view, stamp=stamp)

    def _is_settled(self, job: CellJob) -> bool:
        view = self._views.get(job.cell_id)
        return view is not None and view.settled and view.compared

    def _has_stamp(self, logged: LoggedRun | None, job: CellJob, stamps: Stamps) -> bool:
        """Whether the run of a cell shows its files as they are, and all that can be computed from them."""
        if logged is None or logged.status not in STATUS_OF_RUN or STAMP not in logged.tags:
            return False
        return logged.tags.get(CURRENT) == "yes" and logged.tags[STAMP] == self._stamp(job, stamps)

    def _stamp(self, job: CellJob, stamps: Stamps) -> str:
        cell_id = job.cell_id
        shown = self._facts.params(cell_id) | {f"tag {k}": v for k, v in self._facts.tags(cell_id).items()}
        return stamps.of(job, self._baselines[cell_id], shown)

    def _view(self, state: CellState, measure: bool) -> CellView:
        job, baseline = state.job, self._baselines[state.job.cell_id]
        result = cell_result(self._store, self._experiment, state, baseline, measure=measure)
        calibrations = self._calibrations(job, measure) if result.measurements else ()
        view = CellView(state, result, calibrations, baseline.cell_id if baseline is not None else "")
        failed = state.status == "failed"
        return replace(view, settled=failed or bool(calibrations and (measure or view.compared)))

    def _calibrations(self, job: CellJob, measure: bool) -> tuple[EvaluationCalibration, ...]:
        try:
            found = (calibrate_cell if measure else stored_calibration)(self._store, job, self._experiment)
        except (OSError, ValueError) as reason:
            log.warning("cell %s cannot be calibrated: %s", job.cell_id, reason)
            return ()
        return tuple(found or ())

    def _write(self, mlflow: _Mlflow, live: bool) -> SyncReport:
        changed = {cell_id: view for cell_id, view in self._views.items() if self._mirrored.get(cell_id) != view}
        if any(view.began and cell_id not in mlflow.cells for cell_id, view in changed.items()):
            # a new search before a run is created: `codecgrid sync` in another process may have created it
            mlflow = self._mlflow = self._search()
        to_write = {i: view for i, view in changed.items() if view.began or i in mlflow.cells}
        source = command() if live or mlflow.grid is None else mlflow.grid.tags.get(SOURCE, command())
        outcomes: Counter[str] = Counter()
        if to_write or live or mlflow.grid is not None:
            grid = mlflow.grid or self._write_grid(mlflow, source, live=True)  # which the runs of cells name
            known_commit = commit() if live else ""
            made = CellRuns(self._store, self._experiment, self._facts, grid.run_id, source, known_commit)
            outcomes.update(self._write_cell(mlflow, view, made) for view in to_write.values())
            if not live:
                self._mark_left_over(mlflow)
            self._write_grid(mlflow, source, live=live)
        created, updated = outcomes["created"], outcomes["updated"]
        return SyncReport(created, updated, len(mlflow.cells) - created - updated, self._duplicates)

    def _search(self) -> _Mlflow:
        """Connects (which creates the database when there is none) and finds all runs; deletes duplicates of a run."""
        client = self._mlflow.client if self._mlflow is not None else connect(self.uri)
        name = self._experiment.name
        tags = experiment_tags(list(self._experiment.evaluations), self._facts.varying)
        experiment_id = open_experiment(client, name, artifact_location(self.uri, self._store), tags)
        mlflow = _Mlflow(client, RunWriter(client, experiment_id, self.uri))
        duplicates: list[LoggedRun] = []
        replaced: dict[str, LoggedRun] = {}
        for run in runs(client, experiment_id):
            cell_id = run.tags.get(CELL_ID, "")
            if run.tags[KIND] == "grid":
                duplicates += [run] if mlflow.grid is not None else []
                mlflow.grid = mlflow.grid or run
            elif cell_id not in self._facts.cells:
                mlflow.left_over.append(run)
            elif REPLACED_BY in run.tags:
                replaced[cell_id] = run
            else:
                duplicates += [run] if cell_id in mlflow.cells else []
                mlflow.cells.setdefault(cell_id, run)
        mlflow.cells = replaced | mlflow.cells  # a cell that comes back to the grid has its run again
        self._delete(client, duplicates)
        return mlflow

    def _delete(self, client: Any, duplicates: Sequence[LoggedRun]) -> None:
        for duplicate in duplicates:
            client.delete_run(duplicate.run_id)
        if duplicates:
            name = self._experiment.name
            log.warning("MLflow had %d runs twice in experiment %s; the oldest are kept", len(duplicates), name)
        self._duplicates += len(duplicates)

    def _write_grid(self, mlflow: _Mlflow, source: str, *, live: bool) -> LoggedRun:
        progress = GridProgress(self._cells, self._statuses(mlflow), mlflow.cells)
        known_commit = commit() if live or mlflow.grid is None else ""
        desired = desired_grid_run(
            self._store, self._experiment, progress, live=live, source=source, commit=known_commit
        )
        mlflow.grid = mlflow.writer.write(mlflow.grid, desired)
        return mlflow.grid

    def _statuses(self, mlflow: _Mlflow) -> dict[str, str]:
        """The status of each cell: as the store has it, or, of one whose run has a stamp, as its run has it."""
        unread = {i: STATUS_OF_RUN[run.status] for i, run in mlflow.cells.items() if run.status in STATUS_OF_RUN}
        return unread | {cell_id: view.result.status for cell_id, view in self._views.items()}

    def _write_cell(self, mlflow: _Mlflow, view: CellView, made: CellRuns) -> str:
        cell_id = view.state.job.cell_id
        before = mlflow.cells.get(cell_id)
        after = mlflow.writer.write(before, made.desired(view))
        mlflow.cells[cell_id] = after
        self._mirrored[cell_id] = view
        if before is None:
            return "created"
        return "unchanged" if after == before else "updated"

    def _mark_left_over(self, mlflow: _Mlflow) -> None:
        """Says in the runs of cells that left the grid that they are not current, and what took their place."""
        places = {tuple(facts[name] for name in AXES): cell_id for cell_id, facts in self._facts.cells.items()}
        for number, run in enumerate(mlflow.left_over):
            place = tuple(run.params.get(name, run.tags.get(name, "")) for name in AXES)
            successor = mlflow.cells.get(places.get(place, ""))
            mlflow.left_over[number] = mlflow.writer.mark_replaced(run, successor.run_id if successor else "")

    def _reason(self, error: Exception) -> str:
        message = " ".join(str(error).split())[:400]
        reason = without_password(f"MLflow at {self.uri} was not brought up to date: {type(error).__name__}: {message}")
        reason += ". Nothing is lost: `codecgrid sync CONFIG` repairs it."
        if not self._warned:
            log.warning("%s", reason)
            self._warned = True
        return reason
