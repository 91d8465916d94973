"""Runs an experiment: import, render, train, score, measure, mirror to MLflow. Running again resumes."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from cluster.preflight import (
    check_and_prepare,
    check_before_importing,
    check_on_the_cluster,
    is_on_a_cluster,
)
from cluster.runtime.quiet import stdout_on_stderr
from cluster.runtime.session import check_address, graceful_termination, session
from cluster.runtime.watch import LIMITS, WatchLimits, cluster_watch
from cluster.stages.events import ProgressListener
from cluster.stages.importing import driver_lock, import_corpora
from cluster.stages.resynthesis import render_all
from cluster.stages.training import train_gangs
from cluster.stages.work_left import WorkLeft
from cluster.tracking.mirror import Mirror
from cluster.tracking.mirror_thread import MirrorThread
from grid.cells.gangs import gangs
from grid.cells.job import CellJob
from grid.cells.status import CellState, cell_states, record_failure, record_lost_process
from grid.config.experiment import Experiment
from grid.core.errors import LostProcessError, RequestError, failure_kind
from grid.core.record import FAILURE, read_record
from grid.core.store import Store
from grid.corpus.imported import StoredCorpus
from grid.experiment.frozen import freeze
from grid.experiment.grid import Grid, load_experiment, resolve
from grid.experiment.plugin_packages import plugin_folders
from grid.experiment.work import Work
from grid.measuring.measure import measure_cell

log = logging.getLogger(__name__)

LEFT_TO_ANOTHER_RUN = "another run held it; when that has ended, the same command takes its result, or trains it"


@dataclass(frozen=True)
class RunResult:
    """The result of a run: the final state of each cell, how many of them the run took up, and notes for the user."""

    grid: Grid
    states: list[CellState]
    trained: int
    notes: list[str] = field(default_factory=list)

    def counts(self) -> Counter[str]:
        return Counter(state.status for state in self.states)

    @property
    def ok(self) -> bool:
        return all(state.status == "done" for state in self.states)


def run_experiment(
    config: str | Path,
    store: Store,
    *,
    address: str,
    listener: ProgressListener,
    only: frozenset[str] | None = None,
    keep_going: bool = False,
    limits: WatchLimits = LIMITS,
) -> RunResult:
    """Runs every cell of the experiment that is not done; raises RequestError before anything is started.

    That is PreflightError for what a run lacks, unless it is to `keep_going`. With ids in `only` it trains and returns
    these cells alone; what is not rendered yet is rendered for all.

    A cell that a run of another experiment holds is left to it: its state is `done` if it has ended by the end of this
    run, else `running`. Raises KeyboardInterrupt, with the signal's name if it is known, after an orderly end on SIGINT
    or SIGTERM. Ends the process when the cluster is lost (see `cluster_watch`).
    """
    check_address(address)
    experiment, _ = load_experiment(config)
    check_before_importing(config, experiment, store, address)
    with driver_lock(store, experiment.name):
        corpora = import_corpora(config, store, listener)
        grid = resolve(config, store)
        wanted = [job for job in grid.cells if only is None or job.cell_id in only]
        todo = [state.job for state in cell_states(store, wanted) if state.status != "done"]
        unfinished = tuple(r for r in grid.renditions if read_record(store, r.folder) is None)
        work = Work(grid, store, unfinished, tuple(todo))
        if todo or unfinished:
            check_and_prepare(work, address, keep_going=keep_going)
        freeze(store, grid)
        mirror = Mirror(experiment, grid.cells, store)
        notes = []
        if todo or unfinished:
            errors = _run_cells(work, corpora, mirror, address, WorkLeft(listener), limits, keep_going=keep_going)
            notes = [] if todo else [f"{folder} was not rendered: {error}" for folder, error in errors.items()]
        states = [_measured(store, experiment, state) for state in cell_states(store, wanted)]
        listener.stage("MLflow")
        notes += [reason] if (reason := mirror.sync().failed_reason) else []
        return RunResult(grid, states, trained=len(todo), notes=notes)


def _measured(store: Store, experiment: Experiment, state: CellState) -> CellState:
    """The state of a cell after measuring it, if it is done; one that cannot be measured counts as failed."""
    if state.status in ("running", "missing"):
        return replace(state, error=LEFT_TO_ANOTHER_RUN)
    if state.status != "done":
        return state
    try:
        measure_cell(store, state.job, experiment)
    except (RequestError, OSError) as error:
        return replace(state, status="failed", error=str(error), kind=failure_kind(error))
    store.remove(f"{state.job.folder}/{FAILURE}")  # of an earlier attempt to measure it
    return state


def _run_cells(
    work: Work,
    corpora: dict[str, StoredCorpus],
    mirror: Mirror,
    address: str,
    listener: WorkLeft,
    limits: WatchLimits,
    *,
    keep_going: bool,
) -> dict[str, str]:
    """Renders what is missing and runs the cells of `work`; returns the errors of renditions, by folder."""
    grid, store, experiment = work.grid, work.store, work.grid.experiment
    with (
        stdout_on_stderr(),
        session(address, plugin_folders=plugin_folders(experiment.plugins, experiment.folder)),
        graceful_termination(),
        cluster_watch(limits, listener.waiting) as watch,
        MirrorThread(mirror),
    ):
        listener.on_progress = watch.progressed
        if is_on_a_cluster(address):
            check_on_the_cluster(work, keep_going=keep_going)
        errors: dict[str, str] = {}
        if work.renditions:
            listener.stage("resynthesis")
            errors = render_all(
                store,
                grid.renditions,
                corpora,
                resources=experiment.resources,
                max_failed_share=experiment.max_failed_share,
                progress=listener.rendering,
            )
        trainable = [job for job in work.cells if not _lacks_audio(store, job, errors)]
        if trainable:
            listener.stage("training")
            listener.training(trainable)
            gangs_to_train = gangs(trainable, experiment.resources.cells_per_gang)
            process_errors = train_gangs(
                store.root,
                experiment,
                [tuple(job.cell_id for job in gang) for gang in gangs_to_train],
                notify=listener.cell,
            )
            watch.confirm()  # before the loss of the cluster is taken for one of a cell's process
            _record_lost_processes(store, trainable, process_errors, experiment.resources.max_cell_restarts)
    return errors


def _lacks_audio(store: Store, job: CellJob, errors: dict[str, str]) -> bool:
    """Whether a rendition that the cell needs failed; the cell is then marked as failed."""
    needed = [*job.recordings, *job.attacks, *(cors.folder for cors in (*job.cors, *job.cors_of("dev"))), *job.tested]
    reasons = [errors[folder] for folder in needed if folder in errors]
    if reasons:
        record_failure(store, job, RuntimeError(f"resynthesis failed: {reasons[0]}"), "\n".join(reasons))
    return bool(reasons)


def _record_lost_processes(store: Store, jobs: list[CellJob], process_errors: list[str], restarts: int) -> None:
    """Records a failure for the cells whose process ended in every attempt without writing one itself."""
    if not process_errors:
        return
    reason = f"its process ended {restarts + 1} times without a new epoch; Ray's errors are in {FAILURE}"
    for job in jobs:
        record_lost_process(store, job, LostProcessError(reason), "\n".join(process_errors))
