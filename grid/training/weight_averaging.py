"""Averages of weights over epochs (stochastic weight averaging), and batch norm's statistics for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim.swa_utils import update_bn

from grid.detectors.network import Detector
from grid.detectors.passes import Passes

State = dict[str, Tensor]


@dataclass(frozen=True)
class Average:
    """The mean of `count` states; with a count of 0 the state says nothing.

    Izmailov et al. 2018, "Averaging weights leads to wider optima and better generalization", equation 2.
    """

    state: State
    count: int

    def with_one_more(self, state: State) -> State:
        """The mean with `state` counted in; what is no floating point number (a step counter) is the newest."""
        if self.count == 0:
            return state
        return {name: self._mean(self.state[name], value) for name, value in state.items()}

    def _mean(self, old: Tensor, new: Tensor) -> Tensor:
        return old + (new - old) / (self.count + 1) if torch.is_floating_point(new) else new


def recalibrate(detector: Detector, passes: Passes, batches: Iterable[Tensor]) -> None:
    """Takes the running statistics of batch norm anew, from `batches` of waveforms `(batch, samples)`.

    The weights of an average were never run in training, so the statistics of its parts do not fit it (Izmailov et
    al. 2018, section 3.2).
    """
    normalised = _Backend(detector, passes)
    with torch.no_grad():
        update_bn((passes.shared(waveforms) for waveforms in batches), normalised)


class _Backend(torch.nn.Module):
    """The detector as a function of what its passes share."""

    def __init__(self, detector: Detector, passes: Passes) -> None:
        super().__init__()
        self.detector = detector
        self.passes = passes

    def forward(self, shared: Tensor) -> Tensor:
        return self.passes.outputs(self.detector, shared)
