"""The history of a small codec's training, line by line, and the saved state of a stage."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import ClassVar

import torch
from torch import nn

from grid.codec_training.losses import Terms
from grid.core.saved_state import load_state_file, save_state_file
from grid.core.store import Store

STATE = "state.pt"

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Losses:
    """The losses of one step, all scalars: `loss` is minimised; the others are its terms without their weights."""

    NAMES: ClassVar = ("loss", "waveform", "spectrum", "magnitude", "mel", "commitment", "auxiliary", "moments")

    loss: torch.Tensor
    terms: Terms
    commitment: torch.Tensor
    auxiliary: torch.Tensor
    moments: torch.Tensor

    def values(self) -> torch.Tensor:
        """The numbers, float64, in the order of NAMES."""
        parts = {**vars(self), **vars(self.terms)}
        return torch.stack([parts[name].detach().double() for name in self.NAMES])


@dataclass(frozen=True)
class HistoryLine:
    """One line of the history; the losses are means over the steps since the line before, without their weights.

    `commitment` and `auxiliary` are of the first stage alone, `moments` is of the second; elsewhere they are 0.
    `log_spectral_distance` is of each sample utterance, in dB, by its id; empty where the corpus has no dev split.
    """

    step: int
    seconds: float
    learning_rate: float
    loss: float
    waveform: float
    spectrum: float
    magnitude: float
    mel: float
    commitment: float
    auxiliary: float
    moments: float
    log_spectral_distance: dict[str, float]


@dataclass
class StageProgress:
    """The steps done, the seconds they took, and the lines so far. No generator state is saved: see `Stage.step`.

    `warnings` are those that the record is to have, such as a damaged state that cost the stage its steps.
    """

    step: int = 0
    seconds: float = 0.0
    history: list[HistoryLine] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass
class Parts:
    """All that changes while a codec trains."""

    model: nn.Module
    auxiliary: nn.Module
    optimiser: torch.optim.Optimizer
    average: Tensors
    sums: torch.Tensor
    progress: StageProgress


def save_parts(store: Store, folder: str, parts: Parts) -> None:
    """Replaces the state in `folder` atomically: a killed process leaves the old or the new one."""
    state = {
        "model": parts.model.state_dict(),
        "auxiliary": parts.auxiliary.state_dict(),
        "optimiser": parts.optimiser.state_dict(),
        "average": parts.average,
        "sums": parts.sums,
        "progress": {**asdict(parts.progress), "history": [asdict(line) for line in parts.progress.history]},
    }
    save_state_file(store, f"{folder}/{STATE}", state)


def load_parts(store: Store, folder: str, parts: Parts) -> bool:
    """Loads the saved state into `parts`; False when there is none.

    Raises DamagedStateError, before it changes them, when the file does not have the digest that was saved with it.
    """
    state = load_state_file(store, f"{folder}/{STATE}")
    if state is None:
        return False
    parts.model.load_state_dict(state["model"])
    parts.auxiliary.load_state_dict(state["auxiliary"])
    parts.optimiser.load_state_dict(state["optimiser"])
    for name, value in state["average"].items():
        parts.average[name].copy_(value)
    parts.sums.copy_(state["sums"])
    saved = dict(state["progress"])
    parts.progress = StageProgress(**{**saved, "history": [HistoryLine(**line) for line in saved["history"]]})
    return True
