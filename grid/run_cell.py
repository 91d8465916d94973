"""One cell from start to end: train, score, measure; what goes wrong is kept beside it and stops no other cell."""

from __future__ import annotations

import logging
import traceback

import torch

from grid.checkpoint import Epoch
from grid.config.experiment import Experiment
from grid.job import CellJob
from grid.measure import measure_cell
from grid.score import score
from grid.status import heartbeat, record_failure, running
from grid.store import Store
from grid.train import Report, train

log = logging.getLogger(__name__)


def run_cell(store: Store, job: CellJob, experiment: Experiment, *, gpu: bool, report: Report | None = None) -> bool:
    """Brings one cell to its end from wherever it stands; False when it failed.

    A failure is recorded, not raised: raising would make the scheduler try again what fails again. A killed process
    records nothing and is tried again.
    """
    device = torch.device("cuda" if gpu and torch.cuda.is_available() else "cpu")

    def alive(epoch: Epoch) -> None:
        heartbeat(store, job)
        if report is not None:
            report(epoch)

    with running(store, job):
        try:
            train(store, job, device=device, report=alive)
            score(store, job, device=device)
            measure_cell(store, job, experiment)
        except Exception as error:
            log.exception("cell %s failed", job.cell_id)
            record_failure(store, job, error, traceback.format_exc())
            return False
    return True
