"""Fits one cell. Resumable at every epoch, and then bit for bit the training that was never interrupted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from grid.audio_source import RenditionAudio
from grid.checkpoint import Epoch, Progress, load_state, save_state
from grid.detector import build_detector
from grid.detector_network import Detector
from grid.detector_weights import model_bytes
from grid.errors import RequestError
from grid.initial_weights import start_from
from grid.job import HISTORY, STATE, WEIGHTS, CellJob
from grid.learning_rate import learning_rate
from grid.losses import ClassWeights, detection_loss
from grid.metrics.detection import eer
from grid.randomness import generator, seed_number
from grid.record import Record, check_identity, finish, read_record
from grid.score import score_rows
from grid.store import Store
from grid.training_set import Cors, Items, Mixing, Source, TrainingSet

log = logging.getLogger(__name__)

Report = Callable[[Epoch], None]


class CellData:
    """The audio of a cell for one split, and the training set over it."""

    def __init__(self, store: Store, job: CellJob, split: str) -> None:
        self.audio = [
            RenditionAudio(store, folder, split)
            for folder in (*job.recordings, *job.attacks, *(cors.folder for cors in job.cors))
        ]
        sources = [Source(audio.table) for audio in self.audio]
        first, second = len(job.recordings), len(job.recordings) + len(job.attacks)
        cors = [  # of each codec, one for each corpus, in the order of the recordings
            Cors(source, given.target, corpus=number % first)
            for number, (source, given) in enumerate(zip(sources[second:], job.cors, strict=True))
        ]
        mixing = Mixing("replace" if job.mixing.how == "replace" else "append", job.mixing.probability, job.mixing.draw)
        if split != "train":  # every dev item is there in every epoch, with the label that training gives it
            mixing = Mixing("append", draw="each")
        try:
            self.items = TrainingSet(sources[:first], sources[first:second], cors, mixing, job.seed)
        except RequestError as error:
            raise RequestError(f"split {split}: {error}") from error


def train(store: Store, job: CellJob, *, device: torch.device, report: Report | None = None) -> Record:
    """Trains `job` to its end, from where it was left, and writes its record; a finished cell is only read.

    Raises RequestError when there is nothing to train on, FloatingPointError when the loss is not finite.
    """
    done = read_record(store, job.folder)
    if done is not None:
        check_identity(store, job.folder, done, job.identity)
        return done
    training, dev = CellData(store, job, "train"), CellData(store, job, "dev")
    model = build_detector(job.detector_spec, job.seed).to(device)
    start_from(model, job.recipe)
    optimiser = _optimiser(job, model)
    saved = load_state(store, job.folder, model, optimiser)
    best, progress = saved if saved is not None else (_copy(model), Progress())
    while progress.next_epoch < job.recipe.epochs and not progress.stopped_early:
        epoch = _run_epoch(job, model, optimiser, training, dev, progress.next_epoch, device)
        if _is_better(job, progress, epoch):
            best, progress.best_epoch, progress.best_dev_eer = _copy(model), epoch.epoch, epoch.dev_eer
        _count_patience(job, progress, epoch)
        progress.history.append(epoch)
        progress.next_epoch += 1
        # the history first: a kill between the two leaves an epoch too many in it, which is then written again
        store.write_json(f"{job.folder}/{HISTORY}", {"epochs": [asdict(e) for e in progress.history]})
        save_state(store, job.folder, model, best, optimiser, progress)
        if report is not None:
            report(epoch)
    return _finish(store, job, model, best, progress, training)


def _finish(
    store: Store,
    job: CellJob,
    model: Detector,
    best: dict[str, torch.Tensor],
    progress: Progress,
    training: CellData,
) -> Record:
    model.load_state_dict(best)
    store.write_bytes(f"{job.folder}/{WEIGHTS}", model_bytes(model))
    prior = training.items.prior()
    results: dict[str, Any] = {
        "best_epoch": progress.best_epoch,
        "dev_eer": progress.best_dev_eer,
        "epochs": len(progress.history),
        "stopped_early": progress.stopped_early,
        "train_bonafide_items": prior.bonafide,
        "train_spoof_items": prior.spoof,
        "class_weights": asdict(_class_weights(job, training.items)),
        "seconds": sum(epoch.seconds for epoch in progress.history),
        "warnings": _polarity_warnings(progress),
    }
    record = finish(store, job.folder, kind="cell", identity=job.identity, outputs=[WEIGHTS, HISTORY], results=results)
    store.remove(f"{job.folder}/{STATE}")
    return record


def _polarity_warnings(progress: Progress) -> list[str]:
    if progress.best_dev_eer <= 0.5:
        return []
    text = (
        f"dev EER is {progress.best_dev_eer:.1%}, above 50 %: the detector ranks the classes the wrong way round. "
        "Check the labels (bona fide = 1, higher score = more bona fide) before you read its results."
    )
    log.warning(text)
    return [text]


def _run_epoch(
    job: CellJob,
    model: Detector,
    optimiser: torch.optim.Optimizer,
    training: CellData,
    dev: CellData,
    epoch: int,
    device: torch.device,
) -> Epoch:
    start = time.monotonic()
    torch.manual_seed(seed_number("epoch", job.seed, epoch))  # dropout; of this epoch alone
    items = training.items.items(epoch)
    batches = _batches(job, len(items), epoch)
    weights = _class_weights(job, training.items)
    model.train()
    losses: list[float] = []
    rate = job.recipe.optimiser.learning_rate
    for step, (waveforms, targets) in enumerate(_loaded(job, training, items, batches, epoch)):
        rate = learning_rate(job.recipe, epoch * len(batches) + step, len(batches))
        for group in optimiser.param_groups:
            group["lr"] = rate
        losses.append(_step(job, model, optimiser, waveforms.to(device), targets.to(device), weights))
    return Epoch(
        epoch=epoch,
        train_loss=float(np.mean(losses)),
        dev_eer=_dev_eer(job, model, dev, device),
        learning_rate=rate,
        seconds=round(time.monotonic() - start, 3),
        items=len(items),
    )


def _step(
    job: CellJob,
    model: Detector,
    optimiser: torch.optim.Optimizer,
    waveforms: torch.Tensor,
    targets: torch.Tensor,
    weights: ClassWeights,
) -> float:
    optimiser.zero_grad(set_to_none=True)
    reduced = job.recipe.precision == "bfloat16"
    with torch.autocast(waveforms.device.type, dtype=torch.bfloat16, enabled=reduced):
        outputs = model(waveforms)
    loss = detection_loss(outputs, targets, weights, model.head)
    value = float(loss.detach())
    if not np.isfinite(value):
        raise FloatingPointError(f"the training loss is {value}; lower the learning rate of the recipe")
    loss.backward()
    optimiser.step()
    return value


def _batches(job: CellJob, items: int, epoch: int) -> list[NDArray[np.int64]]:
    """The shuffled positions of each batch."""
    order = generator("order", job.seed, epoch).permutation(items)
    size = job.recipe.batch_size
    batches = [order[i : i + size] for i in range(0, items, size)]
    # one item alone gives batch normalisation nothing to normalise by
    if len(batches) > 1 and (job.recipe.drop_last or len(batches[-1]) == 1) and len(batches[-1]) < size:
        batches.pop()
    return batches


def _loaded(
    job: CellJob, data: CellData, items: Items, batches: list[NDArray[np.int64]], epoch: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The waveforms `(batch, samples)` and targets `(batch,)` of each batch; the next one is read while one trains."""
    crop = job.recipe.crop

    def load(batch: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
        waveforms = [
            data.audio[items.source[i]].crop(int(items.row[i]), crop.samples, crop.train, seed=job.seed, epoch=epoch)
            for i in batch
        ]
        return torch.from_numpy(np.stack(waveforms)), torch.from_numpy(items.target[batch])

    with ThreadPoolExecutor(max_workers=1) as reader:
        waiting = reader.submit(load, batches[0])
        for following in [*batches[1:], None]:
            ready = waiting.result()
            if following is not None:
                waiting = reader.submit(load, following)
            yield ready


def _dev_eer(job: CellJob, model: Detector, dev: CellData, device: torch.device) -> float:
    """The EER on dev with the labels of training; items with a soft target count for the nearer class."""
    items = dev.items.items(0)
    scores = np.empty(len(items), np.float64)
    for number, audio in enumerate(dev.audio):
        chosen = items.source == number
        scores[chosen] = score_rows(model, audio, items.row[chosen], job.recipe, device)
    bonafide = items.target >= 0.5
    return eer(scores[bonafide], scores[~bonafide], condition="dev").eer


def _optimiser(job: CellJob, model: nn.Module) -> torch.optim.Optimizer:
    given = job.recipe.optimiser
    return torch.optim.Adam(
        model.parameters(), lr=given.learning_rate, betas=given.betas, weight_decay=given.weight_decay
    )


def _class_weights(job: CellJob, items: TrainingSet) -> ClassWeights:
    chosen = job.recipe.class_weights
    if chosen == "none":
        return ClassWeights()
    spoof, bonafide = items.prior().weights() if chosen == "prior" else chosen
    return ClassWeights(bonafide=bonafide, spoof=spoof)


def _is_better(job: CellJob, progress: Progress, epoch: Epoch) -> bool:
    return job.recipe.model_selection == "last" or epoch.dev_eer < progress.best_dev_eer


def _count_patience(job: CellJob, progress: Progress, epoch: Epoch) -> None:
    stopping = job.recipe.early_stopping
    if stopping is None:
        return
    earlier = min((e.dev_eer for e in progress.history), default=float("inf"))
    gained = epoch.dev_eer < earlier - stopping.minimum_change
    progress.epochs_without_gain = 0 if gained else progress.epochs_without_gain + 1
    progress.stopped_early = progress.epochs_without_gain >= stopping.patience


def _copy(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().to("cpu", copy=True) for name, value in model.state_dict().items()}
