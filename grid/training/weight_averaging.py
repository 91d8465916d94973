"""Means of a detector's weights over epochs, and batch norm statistics that fit them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim.swa_utils import update_bn

from grid.detectors.gang_forward import GangForward
from grid.detectors.network import Detector

State = dict[str, Tensor]


@dataclass(frozen=True)
class Average:
    """The running mean of `count` state dicts; with a count of 0 `state` is not used.

    Izmailov et al. 2018, "Averaging weights leads to wider optima and better generalization", equation 2.
    """

    state: State
    count: int

    def with_one_more(self, state: State) -> State:
        """The mean with `state` included; a tensor of integers (a step counter) is taken from `state`."""
        if self.count == 0:
            return state
        return {name: self._mean(self.state[name], value) for name, value in state.items()}

    def _mean(self, old: Tensor, new: Tensor) -> Tensor:
        return old + (new - old) / (self.count + 1) if torch.is_floating_point(new) else new


def mean_of(states: Sequence[State]) -> State:
    """The mean of one or more state dicts, batch norm's statistics included; integers are those of the last one."""
    mean = states[0]
    for count, state in enumerate(states[1:], start=1):
        mean = Average(mean, count).with_one_more(state)
    return mean


def recalibrate(detector: Detector, forward: GangForward, batches: Iterable[Tensor]) -> None:
    """Recomputes the running statistics of batch norm from `batches` of waveforms `(batch, samples)`.

    No forward pass in training used the averaged weights, so the statistics of the averaged epochs do not fit them
    (Izmailov et al. 2018, section 3.2).
    """
    module = _EncodedToOutputs(detector, forward)
    with torch.no_grad():
        update_bn((forward.encode(waveforms) for waveforms in batches), module)


class _EncodedToOutputs(torch.nn.Module):
    """The part of a detector behind `GangForward.encode`, as a module that `update_bn` can run."""

    def __init__(self, detector: Detector, gang_forward: GangForward) -> None:
        super().__init__()
        self.detector = detector
        self.gang_forward = gang_forward

    def forward(self, encoded: Tensor) -> Tensor:
        return self.gang_forward.outputs(self.detector, encoded)
