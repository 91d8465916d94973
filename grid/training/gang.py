"""Trains the cells of a gang together: in each step every waveform that some cell needs is read and encoded once.

Each cell has its own items, order, optimiser and end, so it gets the weights that it would have alone: bit-equal where
the encoder runs item by item, else up to rounding.
"""

from __future__ import annotations

import logging
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
from grid.inputs.batches import RenditionRow, UtteranceLoader
from grid.inputs.preparation import preparation_of
from grid.scoring.gang_detectors import build_gang_detectors, build_gang_forward
from grid.scoring.score import readers, score_rendition
from grid.scoring.score_tables import check_finite
from grid.training.cell_items import CellDataset
from grid.training.cell_training import CellTraining, dev_eer
from grid.training.checkpoint import Epoch
from grid.training.training_set import Items

log = logging.getLogger(__name__)

OnEpoch = Callable[[CellJob, Epoch], None]


@dataclass(frozen=True)
class CellFailure:
    """Why one cell of a gang failed; the other cells are not affected."""

    error: Exception
    trace: str


Outcomes = dict[str, Record | CellFailure]


@dataclass(frozen=True)
class EpochPart:
    """What one cell trains on in an epoch: its items, and the positions `(batch,)` in them of each batch."""

    cell: CellTraining
    items: Items
    batches: list[NDArray[np.int64]]
    targets_of_items: NDArray[np.float32] | NDArray[np.int64]

    @classmethod
    def begin(cls, cell: CellTraining, epoch: int) -> EpochPart:
        items, batches = cell.begin(epoch)
        return cls(cell, items, batches, cell.data.targets(items))

    def rows(self, step: int) -> list[RenditionRow]:
        """The utterances of one step; none when the cell has ended its epoch."""
        return self.cell.data.rows(self.items, self.batches[step]) if step < len(self.batches) else []

    def targets(self, step: int) -> Tensor:
        """Those `(batch,)` of one step: probabilities of bona fide, or class numbers."""
        return torch.from_numpy(self.targets_of_items[self.batches[step]])


class Gang:
    """Cells that train at the same time on the same waveforms, around one frozen encoder where they have one."""

    def __init__(self, store: Store, jobs: Sequence[CellJob], device: torch.device) -> None:
        first = jobs[0]
        self.recipe, self.device = first.recipe, device
        self.outcomes: Outcomes = {}
        preparation = preparation_of(store, first)
        self.train_audio = UtteranceLoader(store, preparation, "train", first.seed, readers=readers())
        self.dev_audio = UtteranceLoader(store, preparation, "dev", first.seed, readers=readers())
        detectors = build_gang_detectors(jobs)
        self.forward = build_gang_forward(jobs, detectors)
        self.dev_data: dict[str, CellDataset] = {}
        self.cells: list[CellTraining] = []
        for job, detector in zip(jobs, detectors, strict=True):
            with self._failing(job):
                data = CellDataset(job, self.train_audio, "train")
                self.dev_data[job.cell_id] = CellDataset(job, self.dev_audio, "dev")
                self.cells.append(CellTraining(store, job, detector, data, device))

    def run(self, report: OnEpoch | None) -> Outcomes:
        """Trains all cells to their ends; those that were interrupted at an earlier epoch catch up first."""
        self._finish()
        while unfinished := self._unfinished():
            epoch = min(cell.progress.next_epoch for cell in unfinished)
            self._run_epoch([cell for cell in unfinished if cell.progress.next_epoch == epoch], epoch, report)
            self._finish()
        return self.outcomes

    def _unfinished(self) -> list[CellTraining]:
        return [cell for cell in self.cells if cell.job.cell_id not in self.outcomes]

    def _run_epoch(self, cells: list[CellTraining], epoch: int, report: OnEpoch | None) -> None:
        start = time.monotonic()
        parts = [EpochPart.begin(cell, epoch) for cell in cells]
        batches = [SharedBatch.merge([part.rows(step) for part in parts]) for step in range(_steps(parts))]
        for step, waveforms in enumerate(self.train_audio.batches((batch.rows for batch in batches), epoch)):
            encoded = self._encoded(waveforms)
            for part, positions in zip(parts, batches[step].positions, strict=True):
                self._step(part, encoded, positions, step)
        cells = [cell for cell in cells if cell.job.cell_id not in self.outcomes]
        scores = self._dev_scores(cells, epoch)
        cells = [cell for cell in cells if cell.job.cell_id not in self.outcomes]
        not_augmented = (*self.train_audio.unchanged(), *self.dev_audio.unchanged())
        unchanged = [f"epoch {epoch + 1}: {text}" for text in not_augmented]
        for text in unchanged:
            log.warning("%s", text)
        seconds_per_cell = (time.monotonic() - start) / max(1, len(cells))
        for cell in cells:
            with self._failing(cell.job):
                cell.progress.warnings += unchanged
                items = self.dev_data[cell.job.cell_id].training_set.items(0)
                ended = cell.end(dev_eer(items, scores[cell.job.cell_id]), seconds_per_cell)
            if report is not None and cell.job.cell_id not in self.outcomes:
                report(cell.job, ended)

    def _encoded(self, waveforms: Tensor) -> Tensor:
        reduced = self.recipe.precision == "bfloat16"
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=reduced):
            return self.forward.encode(waveforms.to(self.device))

    def _step(self, part: EpochPart, encoded: Tensor, positions: Tensor | None, step: int) -> None:
        if step >= len(part.batches) or part.cell.job.cell_id in self.outcomes:
            return
        with self._failing(part.cell.job):
            part.cell.step(
                self.forward,
                encoded,
                None if positions is None else positions.to(self.device),
                part.targets(step).to(self.device),
                step=step,
                steps=len(part.batches),
                utterance=lambda index: self._utterance(part.rows(step)[index]),
            )

    def _utterance(self, row: RenditionRow) -> str:
        return self.train_audio.source(row.folder).ids[row.row]

    def _dev_scores(self, cells: list[CellTraining], epoch: int) -> dict[str, NDArray[np.float64]]:
        """The scores `(items,)` of each cell's dev items, by cell id; each rendition is encoded once.

        A score that is not finite is a failure of its cell.
        """
        data = {cell.job.cell_id: self.dev_data[cell.job.cell_id] for cell in cells}
        items = {cell_id: dataset.training_set.items(0) for cell_id, dataset in data.items()}
        scores = {cell_id: np.empty(len(dev_items), np.float64) for cell_id, dev_items in items.items()}
        for folder in dict.fromkeys(folder for dataset in data.values() for folder in dataset.folders):
            users = [cell for cell in cells if folder in data[cell.job.cell_id].folders]
            values = score_rendition(
                self.forward,
                [cell.detector for cell in users],
                self.dev_audio,
                folder,
                batch_size=self.recipe.score_batch_size,
                device=self.device,
                epoch=epoch,
            )
            for cell, value in zip(users, values, strict=True):
                cell_id = cell.job.cell_id
                in_folder = items[cell_id].source == data[cell_id].folders.index(folder)
                scores[cell_id][in_folder] = value.scores[items[cell_id].row[in_folder]]
                with self._failing(cell.job):
                    check_finite(
                        self.dev_audio.source(folder).ids, value.scores, f"dev of {folder} after epoch {epoch + 1}"
                    )
        return scores

    def _finish(self) -> None:
        for cell in self._unfinished():
            if cell.is_over:
                with self._failing(cell.job):
                    dev = self.dev_data[cell.job.cell_id]
                    waveforms = partial(self._epoch_waveforms, cell)
                    self.outcomes[cell.job.cell_id] = cell.finish(self.forward, waveforms, dev)

    def _epoch_waveforms(self, cell: CellTraining, epoch: int) -> Iterator[Tensor]:
        """The batches of waveforms that the cell would train on in `epoch`."""
        items = cell.data.training_set.items(epoch)
        batches = [cell.data.rows(items, batch) for batch in cell.data.shuffled_batches(len(items), epoch)]
        return (waveforms.to(self.device) for waveforms in self.train_audio.batches(batches, epoch))

    @contextmanager
    def _failing(self, job: CellJob) -> Iterator[None]:
        """An exception in the block becomes the outcome of this cell; the others go on."""
        try:
            yield
        except Exception as error:
            self.outcomes[job.cell_id] = CellFailure(error, traceback.format_exc())


def _steps(parts: list[EpochPart]) -> int:
    return max((len(part.batches) for part in parts), default=0)


@dataclass(frozen=True)
class SharedBatch:
    """The union of the batches that several cells train on in one step.

    `rows` are the distinct utterances; `positions[i]` `(batch of cell i,)` are the places of cell i's batch in `rows`,
    in its order. They are None for a cell alone, whose batch is `rows` itself, and for a cell without this step.
    """

    rows: list[RenditionRow]
    positions: list[Tensor | None]

    @classmethod
    def merge(cls, batches: Sequence[Sequence[RenditionRow]]) -> SharedBatch:
        """The union of one batch for each cell; an empty batch belongs to a cell that has ended its epoch."""
        if len(batches) == 1:
            return cls(list(batches[0]), [None])
        position: dict[RenditionRow, int] = {}
        positions = [
            torch.tensor([position.setdefault(row, len(position)) for row in batch], dtype=torch.int64)
            if batch
            else None
            for batch in batches
        ]
        return cls(list(position), positions)
