"""Runs cells from start to end: train, score, measure. A failure is recorded in the cell's folder."""

from __future__ import annotations

import logging
import platform
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import torch
from filelock import Timeout

from grid.cells.job import CellJob
from grid.cells.status import heartbeat, record_failure, running
from grid.config.experiment import Experiment
from grid.core.errors import MissingRequirementError
from grid.core.record import FAILURE
from grid.core.store import Store
from grid.measuring.measure import measure_cell
from grid.scoring.score import score_together
from grid.training.checkpoint import Epoch
from grid.training.gang import CellFailure
from grid.training.train import train_together

log = logging.getLogger(__name__)


def run_cell(
    store: Store, job: CellJob, experiment: Experiment, *, gpu: bool, report: Callable[[Epoch], None] | None = None
) -> bool:
    """Runs one cell to its end, from its last saved state; False when it failed, or when another process holds it."""
    report_epoch = None if report is None else lambda _, epoch: report(epoch)
    return run_gang(store, [job], experiment, gpu=gpu, report=report_epoch)[job.cell_id]


def run_gang(
    store: Store,
    jobs: Sequence[CellJob],
    experiment: Experiment,
    *,
    gpu: bool,
    report: Callable[[CellJob, Epoch], None] | None = None,
) -> dict[str, bool]:
    """Runs the cells of a gang to their ends, from their last saved states; False, by id, for those that failed.

    Cells that another process holds are left to it, and are False too: waiting for them would hold a CPU or GPU.
    A failure is recorded, not raised: raising would make the scheduler try again what fails again. A killed process
    records nothing and is tried again.
    """

    def alive(job: CellJob, epoch: Epoch) -> None:
        heartbeat(store, job)
        if report is not None:
            report(job, epoch)

    with ExitStack() as marks:
        every_id = [job.cell_id for job in jobs]
        jobs = [job for job in jobs if _taken(store, job, marks)]
        if not jobs:
            return dict.fromkeys(every_id, False)
        try:
            device = _device(gpu=gpu)
            outcomes = train_together(store, jobs, device=device, report=alive)
            trained = [job for job in jobs if not isinstance(outcomes[job.cell_id], CellFailure)]
            for job in jobs:
                outcome = outcomes[job.cell_id]
                if isinstance(outcome, CellFailure):
                    _failed(store, job, outcome.error, outcome.trace)
            unscored = score_together(store, trained, device=device).failures
        except Exception as error:
            for job in jobs:
                _failed(store, job, error, traceback.format_exc())
            return dict.fromkeys(every_id, False)
        for job in trained:
            if (reason := unscored.get(job.cell_id)) is not None:
                _failed(store, job, reason, "".join(traceback.format_exception(reason)))
        scored = [job for job in trained if job.cell_id not in unscored]
        measured = {job.cell_id: _measured(store, job, experiment) for job in scored}
    return {cell_id: measured.get(cell_id, False) for cell_id in every_id}


def _device(*, gpu: bool) -> torch.device:
    """The device to run on; MissingRequirementError where a GPU was asked for and torch sees none."""
    if gpu and not torch.cuda.is_available():
        raise MissingRequirementError(
            f"resources.gpus_per_cell asks for a GPU, and torch {torch.__version__} sees none on {platform.node()}; "
            "mend its driver (`codecgrid doctor` there says more), or set gpus_per_cell: 0"
        )
    return torch.device("cuda" if gpu else "cpu")


def _taken(store: Store, job: CellJob, marks: ExitStack) -> bool:
    """Whether this process holds the cell now, until the end of `marks`."""
    try:
        marks.enter_context(running(store, job))
    except Timeout:
        log.warning("cell %s is held by another process and left to it", job.cell_id)
        return False
    return True


def _measured(store: Store, job: CellJob, experiment: Experiment) -> bool:
    try:
        measure_cell(store, job, experiment)
    except Exception as error:
        _failed(store, job, error, traceback.format_exc())
        return False
    store.remove(f"{job.folder}/{FAILURE}")  # which another process may have written meanwhile
    return True


def _failed(store: Store, job: CellJob, error: Exception, trace: str) -> None:
    log.error("cell %s failed: %s", job.cell_id, trace)
    record_failure(store, job, error, trace)
