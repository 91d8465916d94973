"""One cell in training: its detector, optimiser, random numbers and progress. What it is fed comes from outside."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from grid.cells.job import HISTORY, STATE, WEIGHTS, CellJob
from grid.core.randomness import seed_number
from grid.core.record import Record, finish
from grid.core.store import Store
from grid.core.torch_stream import TorchStream
from grid.core.vocabulary import AVERAGE_OF_IMPROVEMENTS, LAST
from grid.detectors.network import Detector
from grid.detectors.passes import Passes
from grid.detectors.weights import model_bytes, start_from
from grid.metrics.detection import eer
from grid.training.cell_items import CellData
from grid.training.checkpoint import Epoch, Progress, load_state, save_state
from grid.training.learning_rate import learning_rate
from grid.training.losses import OneClassMargins, detection_loss
from grid.training.training_set import Items
from grid.training.weight_averaging import Average, recalibrate

log = logging.getLogger(__name__)


class CellTraining:
    """A cell that trains, from wherever it was left; several may take turns, and none sees the others."""

    def __init__(self, store: Store, job: CellJob, detector: Detector, data: CellData, device: torch.device) -> None:
        """`detector` has the initial weights of the cell's seed; a saved state is put into it."""
        self.store, self.job, self.data = store, job, data
        self.detector = detector.to(device)
        start_from(self.detector, job.recipe)
        self.optimiser = _optimiser(job, self.detector)
        saved = load_state(store, job.folder, self.detector, self.optimiser)
        self.best, self.progress = saved if saved is not None else (_copy(self.detector), Progress())
        self._stream = TorchStream(device)
        self._weights = data.class_weights()
        self._losses: list[float] = []
        self._items: Items | None = None
        self._rate = job.recipe.optimiser.learning_rate

    @property
    def is_over(self) -> bool:
        return self.progress.stopped_early or self.progress.next_epoch >= self.job.recipe.epochs

    def begin(self, epoch: int) -> tuple[Items, list[NDArray[np.int64]]]:
        """Starts an epoch; gives its items and the positions of each batch."""
        self._stream.seed(seed_number("epoch", self.job.seed, epoch))  # dropout; of this epoch alone
        self._losses.clear()
        self._items = self.data.items.items(epoch)
        self.detector.train()
        return self._items, self.data.shuffled(len(self._items), epoch)

    def step(
        self, passes: Passes, shared: Tensor, chosen: Tensor | None, targets: Tensor, *, step: int, steps: int
    ) -> None:
        """One step of the optimiser; `step` of `steps` in this epoch. FloatingPointError: the loss is not finite."""
        recipe = self.job.recipe
        self._rate = learning_rate(recipe, self.progress.next_epoch * steps + step, steps)
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate
        self.optimiser.zero_grad(set_to_none=True)
        with self._stream:
            with torch.autocast(shared.device.type, dtype=torch.bfloat16, enabled=recipe.precision == "bfloat16"):
                outputs = passes.outputs(self.detector, shared, chosen)
            loss = detection_loss(outputs, targets, self._weights, self.detector.head, _margins(self.job))
            value = float(loss.detach())
            if not np.isfinite(value):
                raise FloatingPointError(f"the training loss is {value}; lower the learning rate of the recipe")
            loss.backward()
        self.optimiser.step()
        self._losses.append(value)

    def end(self, dev_eer: float, seconds: float) -> Epoch:
        """Ends the epoch: counts it, keeps the weights if they are better, and saves all that a restart needs."""
        assert self._items is not None
        epoch = Epoch(
            epoch=self.progress.next_epoch,
            train_loss=float(np.mean(self._losses)),
            dev_eer=dev_eer,
            learning_rate=self._rate,
            seconds=round(seconds, 3),
            items=len(self._items),
        )
        self._keep(epoch)
        _count_patience(self.job, self.progress, epoch)
        self.progress.history.append(epoch)
        self.progress.next_epoch += 1
        # the history first: a kill between the two leaves an epoch too many in it, which is then written again
        self.store.write_json(f"{self.job.folder}/{HISTORY}", {"epochs": [asdict(e) for e in self.progress.history]})
        save_state(self.store, self.job.folder, self.detector, self.best, self.optimiser, self.progress)
        return epoch

    def finish(self, passes: Passes, waveforms: Callable[[int], Any]) -> Record:
        """Writes the weights and the record. `waveforms(epoch)` gives the batches of a further epoch, for averages."""
        self.detector.load_state_dict(self.best, strict=False)
        if self.job.recipe.model_selection == AVERAGE_OF_IMPROVEMENTS:
            self._stream.seed(seed_number("average", self.job.seed))
            with self._stream:
                recalibrate(self.detector, passes, waveforms(self.job.recipe.epochs))
        self.store.write_bytes(f"{self.job.folder}/{WEIGHTS}", model_bytes(self.detector))
        prior = self.data.items.prior()
        results: dict[str, Any] = {
            "best_epoch": self.progress.best_epoch,
            "dev_eer": self.progress.best_dev_eer,
            "epochs": len(self.progress.history),
            "stopped_early": self.progress.stopped_early,
            "train_bonafide_items": prior.bonafide,
            "train_spoof_items": prior.spoof,
            "class_weights": asdict(self._weights),
            "seconds": sum(epoch.seconds for epoch in self.progress.history),
            "warnings": _polarity_warnings(self.progress),
        }
        record = finish(
            self.store,
            self.job.folder,
            kind="cell",
            identity=self.job.identity,
            outputs=[WEIGHTS, HISTORY],
            results=results,
        )
        self.store.remove(f"{self.job.folder}/{STATE}")
        return record

    def _keep(self, epoch: Epoch) -> None:
        selection, best = self.job.recipe.model_selection, self.progress.best_dev_eer
        # an average takes epochs that are as good as the best one too, as the published AASIST does
        averages = selection == AVERAGE_OF_IMPROVEMENTS
        worse = epoch.dev_eer > best if averages else epoch.dev_eer >= best
        if selection != LAST and worse:
            return
        self.progress.best_epoch, self.progress.best_dev_eer = epoch.epoch, epoch.dev_eer
        if averages:
            self.best = Average(self.best, self.progress.averaged).with_one_more(_copy(self.detector))
            self.progress.averaged += 1
        else:
            self.best = _copy(self.detector)


def dev_eer(items: Items, scores: NDArray[np.float64]) -> float:
    """The EER of scores `(items,)` with the labels of training; a soft target counts for the nearer class."""
    bonafide = items.target >= 0.5
    return eer(scores[bonafide], scores[~bonafide], condition="dev").eer


def _optimiser(job: CellJob, detector: Detector) -> torch.optim.Optimizer:
    given = job.recipe.optimiser
    learned = [parameter for parameter in detector.parameters() if parameter.requires_grad]
    return torch.optim.Adam(learned, lr=given.learning_rate, betas=given.betas, weight_decay=given.weight_decay)


def _margins(job: CellJob) -> OneClassMargins:
    given = job.recipe.one_class
    return OneClassMargins(bonafide=given.bonafide_margin, spoof=given.spoof_margin, scale=given.scale)


def _count_patience(job: CellJob, progress: Progress, epoch: Epoch) -> None:
    stopping = job.recipe.early_stopping
    if stopping is None:
        return
    earlier = min((e.dev_eer for e in progress.history), default=float("inf"))
    gained = epoch.dev_eer < earlier - stopping.minimum_change
    progress.epochs_without_gain = 0 if gained else progress.epochs_without_gain + 1
    progress.stopped_early = progress.epochs_without_gain >= stopping.patience


def _polarity_warnings(progress: Progress) -> list[str]:
    if progress.best_dev_eer <= 0.5:
        return []
    text = (
        f"dev EER is {progress.best_dev_eer:.1%}, above 50 %: the detector ranks the classes the wrong way round. "
        "Check the labels (bona fide = 1, higher score = more bona fide) before you read its results."
    )
    log.warning(text)
    return [text]


def _copy(detector: Detector) -> dict[str, Tensor]:
    return {name: value.detach().to("cpu", copy=True) for name, value in detector.learned_state().items()}
