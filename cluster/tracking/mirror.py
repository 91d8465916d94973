"""Mirrors the store to MLflow. Only the driver writes, and a sync may be repeated at any time."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cluster.tracking.client import (
    CELL_ID,
    KIND,
    LoggedRun,
    artifact_location,
    connect,
    open_experiment,
    runs,
    tracking_uri,
    without_password,
)
from cluster.tracking.desired_runs import CellView, desired_cell_run, desired_grid_run
from cluster.tracking.writer import RunWriter
from grid.analysis.results import cell_result
from grid.cells.baseline import baseline_of
from grid.cells.job import CellJob
from grid.cells.status import cell_states
from grid.config.experiment import Experiment
from grid.core.store import Store

log = logging.getLogger(__name__)

LOCK_SECONDS = 60.0


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
    """The runs in MLflow, as of the last search and the writes of this process since."""

    client: Any
    writer: RunWriter
    grid: LoggedRun | None
    cells: dict[str, LoggedRun]


class Mirror:
    """The MLflow runs of one experiment: one for each cell that began, and their parent."""

    def __init__(self, experiment: Experiment, cells: Sequence[CellJob], store: Store) -> None:
        """Raises RequestError when the root is remote and the experiment names no MLflow server."""
        self.uri = tracking_uri(experiment, store)
        self._experiment = experiment
        self._cells = tuple(cells)
        self._store = store
        self._views: dict[str, CellView] = {}
        self._mirrored: dict[str, CellView] = {}
        self._mlflow: _Mlflow | None = None
        self._warned = False
        self._one_at_a_time = threading.Lock()

    def sync(self, *, measure: bool = True, live: bool = False) -> SyncReport:
        """Updates MLflow from the store. Errors of MLflow are not raised but returned as `failed_reason`.

        `measure`: measure cells that are done and not measured yet. `live`: a run of the experiment is in progress.
        """
        with self._one_at_a_time:
            self._read_store(measure)
            try:
                with self._store.lock(f"experiments/{self._experiment.name}.mlflow.lock", timeout=LOCK_SECONDS):
                    report = self._write(live)
            except Exception as error:  # no error of MLflow may stop the run
                self._mlflow = None
                self._mirrored.clear()
                return SyncReport(failed_reason=self._reason(error))
            self._warned = False
            return report

    def _read_store(self, measure: bool) -> None:
        """Reads the state of every cell that can still change."""
        unsettled = [job for job in self._cells if self._can_change(job, measure)]
        for state in cell_states(self._store, unsettled) if unsettled else ():
            baseline = baseline_of(state.job, self._cells)
            result = cell_result(self._store, self._experiment, state, baseline, measure=measure)
            self._views[state.job.cell_id] = CellView(state, result, baseline.cell_id if baseline is not None else "")

    def _can_change(self, job: CellJob, measure: bool) -> bool:
        view = self._views.get(job.cell_id)
        return view is None or not view.settled or (measure and not view.compared)

    def _write(self, live: bool) -> SyncReport:
        changed = {cell_id: view for cell_id, view in self._views.items() if self._mirrored.get(cell_id) != view}
        duplicates = 0
        mirrored = self._mlflow.cells if self._mlflow is not None else {}
        if self._mlflow is None or any(view.began and cell_id not in mirrored for cell_id, view in changed.items()):
            # a new search before a run is created: `codecgrid sync` in another process may have created it
            self._mlflow, duplicates = self._search()
        to_write = {i: view for i, view in changed.items() if view.began or i in self._mlflow.cells}
        outcomes: Counter[str] = Counter()
        if to_write or live or self._mlflow.grid is not None:
            parent = self._write_grid(self._mlflow, live)
            outcomes.update(self._write_cell(self._mlflow, view, parent.run_id) for view in to_write.values())
        created, updated = outcomes["created"], outcomes["updated"]
        return SyncReport(created, updated, len(self._mlflow.cells) - created - updated, duplicates)

    def _search(self) -> tuple[_Mlflow, int]:
        """Connects (which creates the database when there is none) and finds all runs; deletes duplicates of a run."""
        client = self._mlflow.client if self._mlflow is not None else connect(self.uri)
        name = self._experiment.name
        experiment_id = open_experiment(client, name, artifact_location(self.uri, self._store))
        mlflow = _Mlflow(client, RunWriter(client, experiment_id), grid=None, cells={})
        cell_ids = {job.cell_id for job in self._cells}
        duplicates = []
        for run in runs(client, experiment_id):
            if run.tags[KIND] == "grid":
                duplicates += [run] if mlflow.grid is not None else []
                mlflow.grid = mlflow.grid or run
            elif (cell_id := run.tags.get(CELL_ID)) in cell_ids:
                duplicates += [run] if cell_id in mlflow.cells else []
                mlflow.cells.setdefault(str(cell_id), run)
        for duplicate in duplicates:
            client.delete_run(duplicate.run_id)
        if duplicates:
            log.warning("MLflow had %d runs twice in experiment %s; the oldest are kept", len(duplicates), name)
        return mlflow, len(duplicates)

    def _write_grid(self, mlflow: _Mlflow, live: bool) -> LoggedRun:
        counts: Counter[str] = Counter(view.result.status for view in self._views.values())
        desired = desired_grid_run(self._experiment, counts, live=live, exists=mlflow.grid is not None)
        mlflow.grid = mlflow.writer.write(mlflow.grid, desired)
        return mlflow.grid

    def _write_cell(self, mlflow: _Mlflow, view: CellView, parent: str) -> str:
        cell_id = view.state.job.cell_id
        before = mlflow.cells.get(cell_id)
        after = mlflow.writer.write(before, desired_cell_run(self._store, self._experiment, view, parent))
        mlflow.cells[cell_id] = after
        self._mirrored[cell_id] = view
        if before is None:
            return "created"
        return "unchanged" if after == before else "updated"

    def _reason(self, error: Exception) -> str:
        message = " ".join(str(error).split())[:400]
        reason = without_password(f"MLflow at {self.uri} was not brought up to date: {type(error).__name__}: {message}")
        reason += ". Nothing is lost: `codecgrid sync CONFIG` repairs it."
        if not self._warned:
            log.warning("%s", reason)
            self._warned = True
        return reason


class MirrorThread:
    """Syncs every `every_seconds` during a run, and once more at its end; its errors never stop the run."""

    def __init__(self, mirror: Mirror, every_seconds: float = 20.0) -> None:
        self._mirror = mirror
        self._every_seconds = every_seconds
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name="mlflow-mirror", daemon=True)
        self._last_error = ""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> SyncReport:
        """Ends the thread and syncs a last time; cells that are not measured yet are left to a later sync."""
        self._ending.set()
        self._thread.join()
        return self._sync(live=False)

    def __enter__(self) -> MirrorThread:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _repeat(self) -> None:
        self._sync(live=True)
        while not self._ending.wait(self._every_seconds):
            self._sync(live=True)

    def _sync(self, *, live: bool) -> SyncReport:
        try:
            return self._mirror.sync(measure=False, live=live)
        except Exception as error:  # an error of the store: the stages raise it where it can be handled
            if str(error) != self._last_error:
                self._last_error = str(error)
                log.warning("MLflow is not kept up to date: %s", error)
            return SyncReport(failed_reason=str(error))
