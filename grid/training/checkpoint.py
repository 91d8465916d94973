"""The saved state of a training: weights, optimiser and progress in one file, replaced at the end of each epoch.

The state of the last epoch is there until that of the next one is whole.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from torch import Tensor

from grid.cells.job import STATE
from grid.core.saved_state import load_state_file, save_state_file
from grid.core.store import Store
from grid.detectors.network import Detector


@dataclass(frozen=True)
class Epoch:
    """The figures of one epoch. `dev_eer` is a fraction, `dev_threshold` the dev score whose rates are nearest to it.

    The threshold is None where that point lies above all scores, and in the states of earlier versions.
    """

    epoch: int
    train_loss: float
    dev_eer: float
    learning_rate: float
    seconds: float
    items: int
    dev_threshold: float | None = None


@dataclass
class Progress:
    """How far a training has come. No generator state is saved: each epoch reseeds from (cell seed, epoch).

    `warnings` are those that the record of the cell is to have, such as a damaged state that cost it its epochs.
    """

    next_epoch: int = 0
    best_epoch: int = -1
    best_dev_eer: float = float("inf")
    averaged: int = 0
    epochs_without_gain: int = 0
    stopped_early: bool = False
    history: list[Epoch] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass
class KeptWeights:
    """The weights that a training may end with: those of its model selection so far, on the CPU.

    `averaged` are those of single epochs, by number, for a mean of the best ones; empty with every other selection.
    """

    best: dict[str, Tensor]
    averaged: dict[int, dict[str, Tensor]] = field(default_factory=dict)


def save_state(
    store: Store, folder: str, model: Detector, kept: KeptWeights, optimiser: Any, progress: Progress
) -> None:
    """Replaces the state in `folder` atomically: a killed process leaves the old or the new one."""
    state = {
        "model": model.learned_state(),
        "best": kept.best,
        "optimiser": optimiser.state_dict(),
        "progress": {**asdict(progress), "history": [asdict(epoch) for epoch in progress.history]},
    }
    if kept.averaged:
        state["averaged"] = kept.averaged
    save_state_file(store, f"{folder}/{STATE}", state)


def load_state(store: Store, folder: str, model: Detector, optimiser: Any) -> tuple[KeptWeights, Progress] | None:
    """Loads the saved state into `model` and `optimiser`; returns kept weights and progress, or None for a new cell.

    Raises DamagedStateError, before it changes either, when the file does not have the digest that was saved with it.
    """
    state = load_state_file(store, f"{folder}/{STATE}")
    if state is None:
        return None
    model.load_state_dict(state["model"], strict=False)  # a frozen frontend is not in it
    optimiser.load_state_dict(state["optimiser"])
    saved = dict(state["progress"])
    history = [Epoch(**epoch) for epoch in saved.pop("history")]
    return KeptWeights(state["best"], state.get("averaged", {})), Progress(**saved, history=history)
