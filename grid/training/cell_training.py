"""The training state of one cell: detector, optimiser, random numbers, progress and saved state.

`grid.training.gang` reads and encodes the waveforms and calls `begin`, `step`, `end` and `finish`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from grid.cells.job import HISTORY, STATE, WEIGHTS, CellJob
from grid.cells.status import epochs_so_far
from grid.core.randomness import seed_number
from grid.core.record import Record, finish
from grid.core.saved_state import DamagedStateError
from grid.core.store import Store
from grid.core.torch_stream import TorchStream
from grid.core.vocabulary import AVERAGE_OF_IMPROVEMENTS, AVERAGE_OF_THE_BEST
from grid.detectors.gang_forward import GangForward
from grid.detectors.network import Detector
from grid.detectors.weights import load_initial_weights, model_bytes
from grid.metrics.detection import EerResult, eer
from grid.training.cell_items import CellDataset, counted_as_bonafide
from grid.training.cell_loss import CellLoss
from grid.training.checkpoint import Epoch, KeptWeights, Progress, load_state, save_state
from grid.training.epoch_rules import best_epochs, epochs_without_gain, is_kept
from grid.training.learning_rate import learning_rate
from grid.training.optimiser import backward_and_step, build_optimiser, set_learning_rate
from grid.training.training_set import Items
from grid.training.weight_averaging import Average, mean_of, recalibrate

log = logging.getLogger(__name__)


class CellTraining:
    """One cell in training, continued from its saved state; the steps of several may alternate in one process."""

    def __init__(self, store: Store, job: CellJob, detector: Detector, data: CellDataset, device: torch.device) -> None:
        """`detector` has the initial weights of the cell's seed; a saved state replaces them."""
        self.store, self.job, self.data = store, job, data
        self.detector = detector.to(device)
        load_initial_weights(self.detector, job.recipe)
        self.optimiser = build_optimiser(job.recipe.optimiser, self.detector)
        self.kept, self.progress = self._resumed()
        self._stream = TorchStream(device)
        self._loss = CellLoss(data, self.detector.head, device)
        self._losses: list[float] = []
        self._items: Items | None = None
        self._rate = job.recipe.optimiser.learning_rate

    def _resumed(self) -> tuple[KeptWeights, Progress]:
        """The kept weights and progress of the saved state; those of a new training where it is absent or damaged."""
        warnings = []
        try:
            saved = load_state(self.store, self.job.folder, self.detector, self.optimiser)
            if saved is not None:
                return saved
        except DamagedStateError as error:
            epochs = len(epochs_so_far(self.store, self.job))
            warnings = [f"{error}; epochs lost: {epochs}; the cell was trained again from its first one"]
            log.warning("cell %s: %s", self.job.cell_id, warnings[0])
        return KeptWeights(_copy(self.detector)), Progress(warnings=warnings)

    @property
    def is_over(self) -> bool:
        return self.progress.stopped_early or self.progress.next_epoch >= self.job.recipe.epochs

    def begin(self, epoch: int) -> tuple[Items, list[NDArray[np.int64]]]:
        """Starts an epoch; returns its items and the positions `(batch,)` of each batch in them."""
        self._stream.seed(seed_number("epoch", self.job.seed, epoch))  # dropout; of this epoch alone
        self._losses.clear()
        self._items = self.data.training_set.items(epoch)
        self.detector.train()
        return self._items, self.data.shuffled_batches(len(self._items), epoch)

    def step(
        self,
        forward: GangForward,
        encoded: Tensor,
        positions: Tensor | None,
        targets: Tensor,
        *,
        step: int,
        steps: int,
        utterance: Callable[[int], str],
    ) -> None:
        """Trains on one batch, number `step` of `steps` in this epoch; `targets` `(batch,)` as `CellDataset.targets`.

        `encoded` is the result of `forward.encode`, and `positions` `(batch,)` are this cell's items in it (None: all);
        `utterance` gives the id of an item of the batch. Raises FloatingPointError when the loss is not finite.
        """
        recipe = self.job.recipe
        self._rate = learning_rate(recipe, self.progress.next_epoch * steps + step, steps)
        set_learning_rate(self.optimiser, recipe.optimiser, self._rate)
        with self._stream:
            with torch.autocast(encoded.device.type, dtype=torch.bfloat16, enabled=recipe.precision == "bfloat16"):
                outputs = forward.outputs(self.detector, encoded, positions)
            loss = self._loss(outputs, targets)
            value = float(loss.detach())
            if not np.isfinite(value):
                raise FloatingPointError(
                    f"the training loss is {value}; lower the learning rate of the recipe{_first(outputs, utterance)}"
                )
            backward_and_step(self.optimiser, recipe.optimiser, loss, step=step, steps=steps)
        self._losses.append(value)

    def end(self, dev: EerResult, seconds: float) -> Epoch:
        """Ends the epoch: records it, keeps the weights if they are better, and saves all that a restart needs."""
        assert self._items is not None
        epoch = Epoch(
            epoch=self.progress.next_epoch,
            train_loss=float(np.mean(self._losses)),
            dev_eer=dev.eer,
            learning_rate=self._rate,
            seconds=round(seconds, 3),
            items=len(self._items),
            dev_threshold=finite(dev.threshold),
        )
        self._keep(epoch)
        self.progress.history.append(epoch)
        _count_patience(self.job, self.progress)
        self.progress.next_epoch += 1
        # the history first: a kill between the two leaves an epoch too many in it, which is then written again
        self.store.write_json(f"{self.job.folder}/{HISTORY}", {"epochs": [asdict(e) for e in self.progress.history]})
        save_state(self.store, self.job.folder, self.detector, self.kept, self.optimiser, self.progress)
        return epoch

    def finish(
        self, forward: GangForward, epoch_waveforms: Callable[[int], Iterable[Tensor]], dev: CellDataset
    ) -> Record:
        """Writes the weights and the record, which also says what `dev` held.

        `epoch_waveforms(epoch)` are the batches of waveforms of one more epoch, from which averaged weights get their
        batch norm statistics.
        """
        recipe = self.job.recipe
        averaged = self.kept.averaged
        weights = mean_of([averaged[epoch] for epoch in sorted(averaged)]) if averaged else self.kept.best
        self.detector.load_state_dict(weights, strict=False)
        if recipe.model_selection == AVERAGE_OF_IMPROVEMENTS:
            self._stream.seed(seed_number("average", self.job.seed))
            with self._stream:
                recalibrate(self.detector, forward, epoch_waveforms(recipe.epochs))
        self.store.write_bytes(f"{self.job.folder}/{WEIGHTS}", model_bytes(self.detector))
        prior = self.data.training_set.prior()
        results: dict[str, Any] = {
            "best_epoch": self.progress.best_epoch,
            "dev_eer": self.progress.best_dev_eer,
            "epochs": len(self.progress.history),
            "stopped_early": self.progress.stopped_early,
            "train_bonafide_items": prior.bonafide,
            "train_spoof_items": prior.spoof,
            "class_weights": self._loss.class_weights,
            "dev": {"rule": {"cors": recipe.dev_cors, "labels": recipe.dev_labels}, **dev.held()},
            "seconds": sum(epoch.seconds for epoch in self.progress.history),
            "warnings": [*self.progress.warnings, *self._loss.warnings, *_polarity_warnings(self.progress)],
        }
        if items_of_classes := self.data.items_of_classes():
            results["train_items_of_classes"] = items_of_classes
        if averaged:
            results["averaged_epochs"] = sorted(averaged)
        if (threshold := self._dev_threshold()) is not None:
            results["dev_threshold"] = threshold
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

    def _dev_threshold(self) -> float | None:
        """The threshold of the dev EER of the kept weights; None for a mean of epochs, which was not scored on dev."""
        if self.job.recipe.model_selection in (AVERAGE_OF_IMPROVEMENTS, AVERAGE_OF_THE_BEST):
            return None
        return self.progress.history[self.progress.best_epoch].dev_threshold

    def _keep(self, epoch: Epoch) -> None:
        selection = self.job.recipe.model_selection
        if selection == AVERAGE_OF_THE_BEST:
            self._keep_among_the_best(epoch)
        if not is_kept(self.job.recipe, epoch.dev_eer, self.progress.best_dev_eer):
            return
        self.progress.best_epoch, self.progress.best_dev_eer = epoch.epoch, epoch.dev_eer
        if selection == AVERAGE_OF_IMPROVEMENTS:
            self.kept.best = Average(self.kept.best, self.progress.averaged).with_one_more(_copy(self.detector))
            self.progress.averaged += 1
        elif selection != AVERAGE_OF_THE_BEST:
            self.kept.best = _copy(self.detector)

    def _keep_among_the_best(self, epoch: Epoch) -> None:
        chosen = best_epochs(self.job.recipe, [*(each.dev_eer for each in self.progress.history), epoch.dev_eer])
        if epoch.epoch in chosen:
            self.kept.averaged[epoch.epoch] = _copy(self.detector)
        self.kept.averaged = {number: self.kept.averaged[number] for number in chosen}


def dev_eer(items: Items, scores: NDArray[np.float64]) -> EerResult:
    """The EER of scores `(items,)` with the labels of dev; a soft target counts for the nearer class."""
    bonafide = counted_as_bonafide(items)
    return eer(scores[bonafide], scores[~bonafide], condition="dev")


def finite(threshold: float) -> float | None:
    """The threshold, or None for infinity, the operating point above all scores: JSON has no such number."""
    return threshold if np.isfinite(threshold) else None


def _first(outputs: Tensor, utterance: Callable[[int], str]) -> str:
    """Names the first utterance of a batch whose outputs `(batch, outputs)` are not finite; "" where all are."""
    wrong = (~outputs.detach().isfinite()).any(dim=1).nonzero()
    return f". The output of utterance {utterance(int(wrong[0]))!r} is not finite" if len(wrong) else ""


def _count_patience(job: CellJob, progress: Progress) -> None:
    stopping = job.recipe.early_stopping
    if stopping is None:
        return
    progress.epochs_without_gain = epochs_without_gain(stopping, [epoch.dev_eer for epoch in progress.history])
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
