"""The light convolutional network with max-feature-map activations, two BiLSTM layers and average pooling."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from grid.core.errors import RequestError

SHRINK = 16


class MaxFeatureMap(nn.Module):
    """`(batch, 2 * channels, frames, size)` to `(batch, channels, frames, size)`.

    The larger of channel c and channel c + channels (Wu et al. 2018, "A light CNN for deep face representation with
    noisy labels", equation 3).
    """

    def forward(self, picture: Tensor) -> Tensor:
        """The element-wise maximum of the two halves."""
        return torch.maximum(*picture.chunk(2, dim=1))


class BidirectionalPair(nn.Module):
    """Two bidirectional LSTM layers `(batch, frames, size)` to the same shape; `size` must be even."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(size, size // 2, num_layers=2, bidirectional=True, batch_first=True)

    def forward(self, frames: Tensor) -> Tensor:
        """The second layer's outputs, both directions joined."""
        outputs: Tensor = self.lstm(frames)[0]
        return outputs


class LcnnNetwork(nn.Module):
    """Features `(batch, frames, size)` to logits `(batch, outputs)`.

    Wang and Yamagishi 2021, "A comparative study on recent neural spoofing countermeasures for synthetic speech
    detection", table 1 (after Lavrentyeva et al. 2019): nine convolutions with max-feature-map, batch norms without
    weights, four poolings that shrink time and frequency 16 times, then LSTM plus its own input, mean over time.
    """

    def __init__(self, size: int, *, channels: Sequence[int], recurrent: bool, dropout: float, outputs: int) -> None:
        """`channels` follow the first convolution and the four pairs. Raises RequestError for sizes that do not fit."""
        super().__init__()
        if size < SHRINK:
            raise RequestError(f"lcnn needs at least {SHRINK} features a frame, not {size}")
        hidden = size // SHRINK * channels[-1]
        if recurrent and hidden % 2:
            raise RequestError(f"lcnn with recurrent: true needs an even last channel count, not {channels[-1]}")
        self.convolutions = nn.Sequential(*_convolutions(channels, dropout))
        self.convolutions.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.recurrent = BidirectionalPair(hidden) if recurrent else None
        self.out_layer = nn.Linear(hidden, outputs)

    def forward(self, features: Tensor) -> Tensor:
        """The logits; raises RequestError when there are too few frames to leave one after the poolings."""
        if features.shape[1] < SHRINK:
            raise RequestError(f"lcnn needs at least {SHRINK} frames, not {features.shape[1]}; use a longer crop")
        picture = self.convolutions(features.unsqueeze(1))
        frames = picture.transpose(1, 2).flatten(2)
        if self.recurrent is not None:
            frames = frames + self.recurrent(frames)
        logits: Tensor = self.out_layer(frames.mean(1))
        return logits


def _convolutions(channels: Sequence[int], dropout: float) -> list[nn.Module]:
    """A 5x5 convolution and four pairs of 1x1 and 3x3; pooling after the first, second, third and fifth."""
    first, *_ = channels
    layers: list[nn.Module] = [*_unit(1, first, 5), nn.MaxPool2d(2)]
    for index, (before, after) in enumerate(pairwise(channels), start=2):
        layers += [*_unit(before, before, 1), nn.BatchNorm2d(before, affine=False), *_unit(before, after, 3)]
        if index != 4:
            layers.append(nn.MaxPool2d(2))
        if index in (2, 4):
            layers.append(nn.BatchNorm2d(after, affine=False))
    return [*layers, nn.Dropout(dropout)]


def _unit(before: int, after: int, kernel: int) -> list[nn.Module]:
    return [nn.Conv2d(before, 2 * after, kernel, padding=kernel // 2), MaxFeatureMap()]
