"""The waveforms that several cells need at the same step, each once, and which of them belong to which cell."""

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

from grid.cells.job import CellJob
from grid.core.record import Record
from grid.core.store import Store
from grid.inputs.batches import PreparedAudio, UtteranceRow
from grid.inputs.preparation import preparation_of
from grid.scoring.gang_detectors import build_together, shared_passes
from grid.scoring.score import readers, score_source
from grid.training.cell_items import CellData
from grid.training.cell_training import CellTraining, dev_eer
from grid.training.checkpoint import Epoch
from grid.training.training_set import Items

OnEpoch = Callable[[CellJob, Epoch], None]


@dataclass(frozen=True)
class CellFailure:
    """Why one cell of a gang did not come to its end; the others did not suffer."""

    error: Exception
    trace: str


Outcomes = dict[str, Record | CellFailure]


@dataclass(frozen=True)
class EpochPart:
    """What one cell does in an epoch: its items, and the positions of each batch."""

    cell: CellTraining
    items: Items
    batches: list[NDArray[np.int64]]

    def places(self, step: int) -> list[UtteranceRow]:
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

    def run(self, report: OnEpoch | None) -> Outcomes:
        """Trains all cells to their ends; those that were left at an earlier epoch catch up first."""
        self._finish()
        while going := self._going():
            epoch = min(cell.progress.next_epoch for cell in going)
            self._run_epoch([cell for cell in going if cell.progress.next_epoch == epoch], epoch, report)
            self._finish()
        return self.outcomes

    def _going(self) -> list[CellTraining]:
        return [cell for cell in self.cells if cell.job.cell_id not in self.outcomes]

    def _run_epoch(self, cells: list[CellTraining], epoch: int, report: OnEpoch | None) -> None:
        start = time.monotonic()
        parts = [EpochPart(cell, *cell.begin(epoch)) for cell in cells]
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

    def _step(self, part: EpochPart, shared: Tensor, chosen: Tensor | None, step: int) -> None:
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
            self.outcomes[job.cell_id] = CellFailure(error, traceback.format_exc())


def _steps(parts: list[EpochPart]) -> int:
    return max((len(part.batches) for part in parts), default=0)


@dataclass(frozen=True)
class Meeting:
    """`places` are the distinct waveforms of one step; `chosen[i]` the positions of the i-th cell's batch among them.

    None for a cell alone, whose batch is `places` as it stands, and for a cell that has no such step.
    """

    places: list[UtteranceRow]
    chosen: list[Tensor | None]

    @classmethod
    def of(cls, batches: Sequence[Sequence[UtteranceRow]]) -> Meeting:
        """The meeting of the cells' batches of one step; an empty batch is of a cell that has ended its epoch."""
        if len(batches) == 1:
            return cls(list(batches[0]), [None])
        position: dict[UtteranceRow, int] = {}
        chosen = [
            torch.tensor([position.setdefault(place, len(position)) for place in batch], dtype=torch.int64)
            if batch
            else None
            for batch in batches
        ]
        return cls(list(position), chosen)
