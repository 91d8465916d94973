"""The forward pass of several detectors over the same waveforms: each through its own network, or all through one
frozen encoder that runs once.

    waveforms (batch, samples) -> encode -> shared tensor -> outputs(detector)     once for each detector of the gang
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

import torch
from torch import Tensor

from grid.detectors.contract import FrozenEncoder
from grid.detectors.network import Detector


class GangForward(Protocol):
    """The part of the forward pass that the detectors of a gang share, and the part that each runs by itself."""

    count: int
    """The waveforms that went through an encoder or a whole detector so far."""

    def encode(self, waveforms: Tensor) -> Tensor:
        """The shared part, on waveforms `(batch, samples)`; its result is the input of `outputs`."""

    def outputs(self, detector: Detector, encoded: Tensor, positions: Tensor | None = None) -> Tensor:
        """The outputs `(items, outputs)` of one detector for the items of the batch at `positions` (None: all)."""


class SeparateForward:
    """Nothing is shared: `encode` returns the waveforms, and every detector runs its whole network."""

    def __init__(self) -> None:
        self.count = 0

    def encode(self, waveforms: Tensor) -> Tensor:
        return waveforms

    def outputs(self, detector: Detector, encoded: Tensor, positions: Tensor | None = None) -> Tensor:
        waveforms = encoded if positions is None else encoded[positions]
        self.count += len(waveforms)
        outputs: Tensor = detector(waveforms)
        return outputs


class SharedEncoderForward:
    """One frozen encoder runs once for all detectors; each backend takes its own hidden states from the result.

    `same_features`: all frontends select the same hidden states, so `encode` returns the features themselves. At most
    `max_items` waveforms go through the encoder at once, as many as a detector alone would send, so that a gang needs
    no larger activations.
    """

    def __init__(self, detectors: Sequence[Detector], *, same_features: bool, max_items: int) -> None:
        self.count = 0
        self._encoder = cast(FrozenEncoder, detectors[0].frontend)
        self._detector = detectors[0]
        self._same_features, self._max_items = same_features, max_items

    @torch.no_grad()
    def encode(self, waveforms: Tensor) -> Tensor:
        self.count += len(waveforms)
        parts = [self._encoded(part) for part in waveforms.split(self._max_items)]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=parts[0].ndim - 3)

    def outputs(self, detector: Detector, encoded: Tensor, positions: Tensor | None = None) -> Tensor:
        # frames (batch, frames, size) or layers (layers, batch, frames, size)
        selected = encoded if positions is None else encoded.index_select(encoded.ndim - 3, positions)
        features = selected if self._same_features else cast(FrozenEncoder, detector.frontend).select(selected)
        outputs: Tensor = detector.backend(features)
        return outputs

    def _encoded(self, waveforms: Tensor) -> Tensor:
        levelled = self._detector.levelled(waveforms)
        if self._same_features:
            features: Tensor = self._detector.frontend(levelled)
            return features
        return self._encoder.encode(levelled)
