"""How far a grid is, read from its store alone: utterances, epochs, the EER of each finished cell, and the time left.

Any machine that sees the root can read it while a run goes on elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

import pyarrow.parquet as pq

from grid.cells.gangs import rendition_counts
from grid.cells.job import CellJob
from grid.cells.measurements import stored_measurements
from grid.cells.status import CellState, progress
from grid.core.record import is_finished
from grid.core.store import Store
from grid.core.vocabulary import POOLED, SPLITS
from grid.experiment.grid import Grid
from grid.experiment.rates import epoch_seconds
from grid.metrics.evaluation import Measurement
from grid.resynthesis.rendition import Rendition


@dataclass(frozen=True)
class GridProgress:
    """A grid at one moment.

    `utterances` of `of_utterances` are rendered, over all renditions; `is_run` says whether a driver is at work.
    `rendering_left` and `training_left` are seconds, None where no rate is known; of training at most, for it may stop
    early. `eers` are the pooled measurements of the finished cells that were asked for, by cell id.
    """

    states: tuple[CellState, ...]
    utterances: int
    of_utterances: int
    rendering_left: float | None
    training_left: float | None
    eers: dict[str, list[Measurement]]
    is_run: bool | None

    def count(self, status: str) -> int:
        """The number of cells with this status; `missing` are those to do."""
        return sum(state.status == status for state in self.states)


@dataclass
class ProgressReader:
    """Reads the progress of a grid again and again; what does not change any more is read once."""

    store: Store
    grid: Grid
    rows: dict[str, int] = field(default_factory=dict)
    eers: dict[str, list[Measurement]] = field(default_factory=dict)
    first: tuple[float, int] | None = None

    def read(self, shown_eers: int) -> GridProgress:
        """The progress now, with the EERs of the first `shown_eers` finished cells."""
        states = tuple(progress(self.store, self.grid.cells))
        total, done = 0, 0
        for rendition in self.grid.renditions:
            of = sum(rendition_counts(rendition, split).all for split in SPLITS)
            total += of
            done += of if is_finished(self.store, rendition.folder) else min(of, self._rendered(rendition))
        finished = [state.job for state in states if state.status == "done"]
        return GridProgress(
            states,
            utterances=done,
            of_utterances=total,
            rendering_left=self._rendering_left(done, total),
            training_left=self._training_left(states, finished),
            eers={job.cell_id: self._eers(job) for job in finished[:shown_eers]},
            is_run=self._is_run(),
        )

    def _is_run(self) -> bool | None:
        """Whether a driver is at work; None where its lock cannot be seen."""
        lock = f"experiments/{self.grid.experiment.name}.lock"
        return self.store.is_locked(lock) if self.store.exists(lock) else False  # asking would make the file

    def _rendered(self, rendition: Rendition) -> int:
        """The utterances in the finished shards of an unfinished rendition."""
        files = set(self.store.names(rendition.folder))
        paths = [f"{rendition.folder}/{name}" for name in files if name.startswith("rows-")]
        for path in paths:
            if path not in self.rows:
                self.rows[path] = pq.read_metadata(self.store.local(path)).num_rows
        return sum(self.rows[path] for path in paths)

    def _rendering_left(self, done: int, total: int) -> float | None:
        """Seconds at the rate since the first reading of this reader."""
        now = time.monotonic()
        self.first = self.first or (now, done)
        start, done_then = self.first
        return (total - done) * (now - start) / (done - done_then) if done > done_then else None

    def _training_left(self, states: Sequence[CellState], finished: Sequence[CellJob]) -> float | None:
        """Seconds if as many cells as now, at least one, are trained at once, and none stops early."""
        seconds: dict[str, list[float]] = {}
        for state in (each for each in states if each.epochs):
            seconds.setdefault(state.job.detector, []).extend(epoch["seconds"] for epoch in state.epochs)
        rates = {detector: fmean(values) for detector, values in seconds.items()} or epoch_seconds(self.store, finished)
        if not rates:
            return None
        left = 0.0
        for state in (each for each in states if each.status in ("running", "missing")):
            epochs = max(0, state.job.recipe.epochs - len(state.epochs))
            left += epochs * rates.get(state.job.detector, fmean(rates.values()))
        return left / max(1, sum(state.status == "running" for state in states))

    def _eers(self, job: CellJob) -> list[Measurement]:
        if job.cell_id not in self.eers:
            found = stored_measurements(self.store, job, self.grid.experiment)
            if found is None:  # the run measures it after its last score
                return []
            self.eers[job.cell_id] = [each for each in found if each.condition == POOLED]
        return self.eers[job.cell_id]
