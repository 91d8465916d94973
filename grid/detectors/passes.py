"""How waveforms reach the backends of the detectors that hear them together: each in its own pass, or in one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

import torch
from torch import Tensor

from grid.detectors.contract import FrozenEncoder
from grid.detectors.network import Detector


class Passes(Protocol):
    """What is done once for the waveforms of several detectors, and what each does with the result."""

    count: int
    """The waveforms that went through an encoder or a whole detector."""

    def shared(self, waveforms: Tensor) -> Tensor:
        """What all detectors have in common of waveforms `(batch, samples)`."""

    def outputs(self, detector: Detector, shared: Tensor, chosen: Tensor | None = None) -> Tensor:
        """The detector's outputs `(chosen, outputs)` for the items at the positions `chosen` (None: all)."""


class WholeDetectors:
    """Nothing is shared: every detector hears the waveforms itself."""

    def __init__(self) -> None:
        self.count = 0

    def shared(self, waveforms: Tensor) -> Tensor:
        return waveforms

    def outputs(self, detector: Detector, shared: Tensor, chosen: Tensor | None = None) -> Tensor:
        waveforms = shared if chosen is None else shared[chosen]
        self.count += len(waveforms)
        outputs: Tensor = detector(waveforms)
        return outputs


class OneEncoder:
    """One pass of a frozen encoder; each detector takes its own hidden states from it.

    Detectors whose frontends are equal share the features themselves. `most` waveforms go through the encoder at once,
    as many as a detector alone would send, so that a gang needs no larger activations.
    """

    def __init__(self, detectors: Sequence[Detector], *, alike: bool, most: int) -> None:
        self.count = 0
        self._encoder = cast(FrozenEncoder, detectors[0].frontend)
        self._detector = detectors[0]
        self._alike, self._most = alike, most

    @torch.no_grad()
    def shared(self, waveforms: Tensor) -> Tensor:
        self.count += len(waveforms)
        parts = [self._encoded(part) for part in waveforms.split(self._most)]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=parts[0].ndim - 3)

    def outputs(self, detector: Detector, shared: Tensor, chosen: Tensor | None = None) -> Tensor:
        # frames (batch, frames, size) or layers (layers, batch, frames, size)
        mine = shared if chosen is None else shared.index_select(shared.ndim - 3, chosen)
        features = mine if self._alike else cast(FrozenEncoder, detector.frontend).select(mine)
        outputs: Tensor = detector.backend(features)
        return outputs

    def _encoded(self, waveforms: Tensor) -> Tensor:
        levelled = self._detector.levelled(waveforms)
        if self._alike:
            features: Tensor = self._detector.frontend(levelled)
            return features
        return self._encoder.encode(levelled)
