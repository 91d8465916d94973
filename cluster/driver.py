"""Runs an experiment from wherever it stands: import, render, train, score, measure, mirror. Running again resumes."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from cluster.runtime.quiet import stdout_on_stderr
from cluster.runtime.session import graceful_termination, session
from cluster.stages.events import Watcher
from cluster.stages.importing import import_corpora, only_driver
from cluster.stages.resynthesis import render_all
from cluster.stages.training import train_gangs
from cluster.tracking.mirror import Mirror, MirrorThread
from grid.cells.gangs import gangs
from grid.cells.job import CellJob
from grid.cells.status import CellState, cell_state, record_failure
from grid.config.experiment import Experiment
from grid.core.errors import RequestError
from grid.core.record import read_record
from grid.core.store import Store
from grid.corpus.imported import StoredCorpus
from grid.detectors.weights import find_initial_weights
from grid.experiment.frozen import freeze
from grid.experiment.grid import Grid, load_experiment, resolve
from grid.measuring.measure import measure_cell
from grid.resynthesis.processor import fetch_requirements

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunResult:
    """How a run ended."""

    grid: Grid
    states: list[CellState]
    trained: int
    notes: list[str] = field(default_factory=list)

    def counts(self) -> Counter[str]:
        return Counter(state.status for state in self.states)

    @property
    def ok(self) -> bool:
        return all(state.status == "done" for state in self.states)


def run_experiment(config: str | Path, store: Store, *, address: str, watcher: Watcher) -> RunResult:
    """Brings every cell of the experiment as far as it can come; raises RequestError before anything is started.

    Raises KeyboardInterrupt, with the signal's name if it is known, when SIGINT or SIGTERM ended it in good order.
    """
    experiment, _ = load_experiment(config)
    with only_driver(store, experiment.name):
        corpora = import_corpora(config, store, watcher)
        grid = resolve(config, store)
        freeze(store, grid)
        todo = [job for job in grid.cells if cell_state(store, job).status != "done"]
        mirror = Mirror(experiment, grid.cells, store)
        if todo:
            _carry_out(store, grid, corpora, todo, mirror, address, watcher)
        states = [_measured(store, experiment, cell_state(store, job)) for job in grid.cells]
        watcher.stage("MLflow")
        notes = [reason] if (reason := mirror.sync().failed_reason) else []
        return RunResult(grid, states, trained=len(todo), notes=notes)


def _measured(store: Store, experiment: Experiment, state: CellState) -> CellState:
    """A done cell with its measurements made; one that cannot be measured counts as failed, with the reason."""
    if state.status != "done":
        return state
    try:
        measure_cell(store, state.job, experiment)
    except (RequestError, OSError) as error:
        return replace(state, status="failed", error=str(error))
    return state


def _carry_out(
    store: Store,
    grid: Grid,
    corpora: dict[str, StoredCorpus],
    todo: list[CellJob],
    mirror: Mirror,
    address: str,
    watcher: Watcher,
) -> None:
    experiment = grid.experiment
    waiting = tuple(r for r in grid.renditions if read_record(store, r.folder) is None)
    codecs = sorted({r.chain.codec for r in waiting if r.chain.codec and r.applied})
    fetch_requirements(codecs, experiment.accept_licence)
    for recipe in grid.recipes.values():
        find_initial_weights(recipe)
    with stdout_on_stderr(), session(address), graceful_termination(), MirrorThread(mirror):
        errors: dict[str, str] = {}
        if waiting:
            watcher.stage("resynthesis")
            errors = render_all(
                store,
                grid.renditions,
                corpora,
                resources=experiment.resources,
                max_failed_share=experiment.max_failed_share,
                progress=watcher.rendering,
            )
        able = [job for job in todo if not _lacks_audio(store, job, errors)]
        if able:
            watcher.stage("training")
            watcher.training(able)
            together = gangs(able, experiment.resources.cells_per_gang)
            deaths = train_gangs(
                store.root,
                experiment,
                [tuple(job.cell_id for job in gang) for gang in together],
                notify=watcher.cell,
            )
            _record_deaths(store, able, deaths)


def _lacks_audio(store: Store, job: CellJob, errors: dict[str, str]) -> bool:
    """Whether a rendition that the cell needs failed; the cell is then marked as failed."""
    needed = [*job.recordings, *job.attacks, *(cors.folder for cors in job.cors), *job.scored]
    broken = [errors[folder] for folder in needed if folder in errors]
    if broken:
        record_failure(store, job, RuntimeError(f"resynthesis failed: {broken[0]}"), "\n".join(broken))
    return bool(broken)


def _record_deaths(store: Store, jobs: list[CellJob], deaths: list[str]) -> None:
    """A trial whose process died too often left no record of why; it gets one."""
    if not deaths:
        return
    for job in jobs:
        if cell_state(store, job).status == "missing":
            record_failure(store, job, RuntimeError("its process died again and again"), "\n".join(deaths))
