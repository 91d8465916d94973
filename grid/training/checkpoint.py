"""The saved state of a training: weights, optimiser and progress in one file, replaced at the end of each epoch."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass, field
from pickle import UnpicklingError
from typing import Any

import torch

from grid.cells.job import STATE
from grid.core.errors import RequestError
from grid.core.store import Store
from grid.detectors.network import Detector


@dataclass(frozen=True)
class Epoch:
    """The figures of one epoch. `dev_eer` is a fraction."""

    epoch: int
    train_loss: float
    dev_eer: float
    learning_rate: float
    seconds: float
    items: int


@dataclass
class Progress:
    """How far a training has come. No generator state is saved: each epoch reseeds from (cell seed, epoch)."""

    next_epoch: int = 0
    best_epoch: int = -1
    best_dev_eer: float = float("inf")
    averaged: int = 0
    epochs_without_gain: int = 0
    stopped_early: bool = False
    history: list[Epoch] = field(default_factory=list)


def save_state(
    store: Store, folder: str, model: Detector, best: dict[str, torch.Tensor], optimiser: Any, progress: Progress
) -> None:
    """Replaces the state in `folder` atomically: a killed process leaves the old or the new one."""
    state = {
        "model": model.learned_state(),
        "best": best,
        "optimiser": optimiser.state_dict(),
        "progress": {**asdict(progress), "history": [asdict(epoch) for epoch in progress.history]},
    }
    with store.writing(f"{folder}/{STATE}") as temporary:
        torch.save(state, temporary)


def load_state(
    store: Store, folder: str, model: Detector, optimiser: Any
) -> tuple[dict[str, torch.Tensor], Progress] | None:
    """Loads the saved state into `model` and `optimiser`; returns best weights and progress, or None for a new cell.

    Raises RequestError when the file is damaged.
    """
    if not store.exists(f"{folder}/{STATE}"):
        return None
    # read whole, not through the cache of this machine: this file changes
    data = io.BytesIO(store.read_bytes(f"{folder}/{STATE}"))
    try:
        state = torch.load(data, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, UnpicklingError) as error:
        raise RequestError(
            f"{store.uri(folder)}/{STATE} is damaged; delete it and run again, and the cell is trained from its start"
        ) from error
    model.load_state_dict(state["model"], strict=False)  # a frozen frontend is not in it
    optimiser.load_state_dict(state["optimiser"])
    saved = dict(state["progress"])
    history = [Epoch(**epoch) for epoch in saved.pop("history")]
    return state["best"], Progress(**saved, history=history)
