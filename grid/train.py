"""Fits cells, one or several that share a frozen encoder. Resumable at every epoch, bit for bit as never interrupted.

    PreparedAudio -> Passes.shared -> CellTraining.step      of each cell, with its own items, order and optimiser

A cell alone is a gang of one. See `grid.gang` for which cells may train together.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from grid.building import build_together, preparation_of, shared_passes
from grid.cell_data import CellData
from grid.cell_training import CellTraining, dev_eer
from grid.checkpoint import Epoch
from grid.job import CellJob
from grid.meeting import Meeting
from grid.prepared_audio import Place, PreparedAudio
from grid.record import Record, check_identity, read_record
from grid.score import readers, score_source
from grid.store import Store
from grid.training_set import Items
from grid.untrained import keep_initial_weights

Report = Callable[[CellJob, Epoch], None]


@dataclass(frozen=True)
class Failure:
    """Why one cell of a gang did not come to its end; the others did not suffer."""

    error: Exception
    trace: str


Outcomes = dict[str, Record | Failure]


def train(store: Store, job: CellJob, *, device: torch.device, report: Report | None = None) -> Record:
    """Trains one cell to its end, from where it was left, and writes its record; a finished cell is only read.

    Raises RequestError when there is nothing to train on, FloatingPointError when the loss is not finite.
    """
    outcome = train_together(store, [job], device=device, report=report)[job.cell_id]
    if isinstance(outcome, Failure):
        raise outcome.error
    return outcome


def train_together(
    store: Store, jobs: Sequence[CellJob], *, device: torch.device, report: Report | None = None
) -> Outcomes:
    """Trains the cells of one gang to their ends; the outcome of each by its id.

    A cell that fails leaves the gang; what concerns all of them, and what `report` raises, is raised. A cell whose
    recipe has 0 epochs keeps its initial weights.
    """
    outcomes: Outcomes = {}
    waiting: list[CellJob] = []
    for job in jobs:
        done = read_record(store, job.folder)
        if done is not None:
            check_identity(store, job.folder, done, job.identity)
            outcomes[job.cell_id] = done
        elif job.recipe.epochs == 0:
            outcomes[job.cell_id] = _untrained(store, job, device)
        else:
            waiting.append(job)
    return outcomes | Gang(store, waiting, device).run(report) if waiting else outcomes


def _untrained(store: Store, job: CellJob, device: torch.device) -> Record | Failure:
    try:
        return keep_initial_weights(store, job, device=device)
    except Exception as error:
        return Failure(error, traceback.format_exc())


@dataclass(frozen=True)
class Part:
    """What one cell does in an epoch: its items, and the positions of each batch."""

    cell: CellTraining
    items: Items
    batches: list[NDArray[np.int64]]

    def places(self, step: int) -> list[Place]:
        """The waveforms of one step; none when the cell has ended its epoch."""
        return self.cell.data.places(self.items, self.batches[step]) if step < len(self.batches) else []

    def targets(self, step: int) -> Tensor:
        return torch.from_numpy(self.items.target[self.batches[step]])


class Gang:
    """Cells in training that hear the same waveforms at the same time."""

    def __init__(self, store: Store, jobs: Sequence[CellJob], device: torch.device) -> None:
        first = jobs[0]
        self.recipe, self.device = first.recipe, device
        self.outcomes: Outcomes = {}
        prepared = preparation_of(store, first)
        self.training = PreparedAudio(store, prepared, "train", first.seed, readers=readers())
        self.dev = PreparedAudio(store, prepared, "dev", first.seed, readers=readers())
        detectors = build_together(jobs)
        self.passes = shared_passes(jobs, detectors)
        self.dev_data: dict[str, CellData] = {}
        self.cells: list[CellTraining] = []
        for job, detector in zip(jobs, detectors, strict=True):
            with self._failing(job):
                data = CellData(job, self.training, "train")
                self.dev_data[job.cell_id] = CellData(job, self.dev, "dev")
                self.cells.append(CellTraining(store, job, detector, data, device))

    def run(self, report: Report | None) -> Outcomes:
        """Trains all cells to their ends; those that were left at an earlier epoch catch up first."""
        self._finish()
        while going := self._going():
            epoch = min(cell.progress.next_epoch for cell in going)
            self._run_epoch([cell for cell in going if cell.progress.next_epoch == epoch], epoch, report)
            self._finish()
        return self.outcomes

    def _going(self) -> list[CellTraining]:
        return [cell for cell in self.cells if cell.job.cell_id not in self.outcomes]

    def _run_epoch(self, cells: list[CellTraining], epoch: int, report: Report | None) -> None:
        start = time.monotonic()
        parts = [Part(cell, *cell.begin(epoch)) for cell in cells]
        meetings = [Meeting.of([part.places(step) for part in parts]) for step in range(_steps(parts))]
        for step, waveforms in enumerate(self.training.batches((each.places for each in meetings), epoch)):
            shared = self._shared(waveforms)
            for part, chosen in zip(parts, meetings[step].chosen, strict=True):
                self._step(part, shared, chosen, step)
        cells = [cell for cell in cells if cell.job.cell_id not in self.outcomes]
        scores = self._dev_scores(cells, epoch)
        share = (time.monotonic() - start) / max(1, len(cells))
        for cell in cells:
            with self._failing(cell.job):
                items = self.dev_data[cell.job.cell_id].items.items(0)
                done = cell.end(dev_eer(items, scores[cell.job.cell_id]), share)
            if report is not None and cell.job.cell_id not in self.outcomes:
                report(cell.job, done)

    def _shared(self, waveforms: Tensor) -> Tensor:
        reduced = self.recipe.precision == "bfloat16"
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=reduced):
            return self.passes.shared(waveforms.to(self.device))

    def _step(self, part: Part, shared: Tensor, chosen: Tensor | None, step: int) -> None:
        if step >= len(part.batches) or part.cell.job.cell_id in self.outcomes:
            return
        with self._failing(part.cell.job):
            part.cell.step(
                self.passes,
                shared,
                None if chosen is None else chosen.to(self.device),
                part.targets(step).to(self.device),
                step=step,
                steps=len(part.batches),
            )

    def _dev_scores(self, cells: list[CellTraining], epoch: int) -> dict[str, NDArray[np.float64]]:
        """The scores of each cell's dev items, in their order; each waveform is heard once."""
        data = {cell.job.cell_id: self.dev_data[cell.job.cell_id] for cell in cells}
        items = {name: each.items.items(0) for name, each in data.items()}
        scores = {name: np.empty(len(each), np.float64) for name, each in items.items()}
        for folder in dict.fromkeys(folder for each in data.values() for folder in each.folders):
            hearing = [cell for cell in cells if folder in data[cell.job.cell_id].folders]
            values = score_source(
                self.passes,
                [cell.detector for cell in hearing],
                self.dev,
                folder,
                batch_size=self.recipe.score_batch_size,
                device=self.device,
                epoch=epoch,
            )
            for cell, value in zip(hearing, values, strict=True):
                name = cell.job.cell_id
                chosen = items[name].source == data[name].folders.index(folder)
                scores[name][chosen] = value[items[name].row[chosen]]
        return scores

    def _finish(self) -> None:
        for cell in self._going():
            if cell.is_over:
                with self._failing(cell.job):
                    self.outcomes[cell.job.cell_id] = cell.finish(self.passes, partial(self._again, cell))

    def _again(self, cell: CellTraining, epoch: int) -> Iterator[Tensor]:
        """The waveforms that the cell would train on in `epoch`."""
        items = cell.data.items.items(epoch)
        batches = [cell.data.places(items, batch) for batch in cell.data.shuffled(len(items), epoch)]
        return (waveforms.to(self.device) for waveforms in self.training.batches(batches, epoch))

    @contextmanager
    def _failing(self, job: CellJob) -> Iterator[None]:
        """What goes wrong inside is the outcome of this cell alone."""
        try:
            yield
        except Exception as error:
            self.outcomes[job.cell_id] = Failure(error, traceback.format_exc())


def _steps(parts: list[Part]) -> int:
    return max((len(part.batches) for part in parts), default=0)
