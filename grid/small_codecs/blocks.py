"""Network parts at frame rate: the residual block and the encoder that every member shares."""

from __future__ import annotations

import torch
from torch import nn

HOP = 160
"""Samples of a frame: 100 frames a second at 16 kHz."""
FILTER = 400
"""Samples of a learned analysis or synthesis filter: 25 ms, the usual window of speech analysis."""
MARGIN = (FILTER - HOP) // 2
"""Samples that a filter reaches beyond its frame on either side: frame t is centred on samples 160 t to 160 t + 159."""

SOFTEST = 1e-6
"""Energies of filters below this are silence; speech lies between 1e-5 and 1e-1 before training."""
LOG_SCALE = 0.3


class Block(nn.Module):
    """`(batch, channels, frames)` to the same: depthwise over time, then two layers over channels, added to the input.

    The block of ConvNeXt (Liu and others 2022) in one dimension, as Vocos uses it (Siuzdak 2024, section 3.2).
    """

    def __init__(self, channels: int, *, kernel: int, expansion: int) -> None:
        super().__init__()
        self.over_time = nn.Conv1d(channels, channels, kernel, padding=kernel // 2, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, channels * expansion)
        self.narrow = nn.Linear(channels * expansion, channels)
        self.strength = nn.Parameter(torch.full((channels,), 0.1))

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        inner = self.norm(self.over_time(frames).transpose(1, 2))
        inner = self.narrow(nn.functional.gelu(self.widen(inner))) * self.strength
        return frames + inner.transpose(1, 2)


class Normalised(nn.Module):
    """Layer normalisation over the channels of `(batch, channels, frames)`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        normalised: torch.Tensor = self.norm(frames.transpose(1, 2)).transpose(1, 2)
        return normalised


def stack(channels: int, blocks: int, *, kernel: int, expansion: int) -> nn.Sequential:
    """`blocks` residual blocks with a normalisation behind them."""
    inner = [Block(channels, kernel=kernel, expansion=expansion) for _ in range(blocks)]
    return nn.Sequential(*inner, Normalised(channels))


class Encoder(nn.Module):
    """Samples `(batch, 160 * frames)` to features `(batch, channels, frames)`: learned filters, then blocks.

    The filters' outputs are normalised, which hides how loud a frame is; so the log energies of pairs of filters come
    beside them: with these, and no quantiser, a thousand steps gave STOI 0.79 on unseen speakers instead of 0.75.
    """

    def __init__(self, channels: int, blocks: int, *, kernel: int, expansion: int) -> None:
        super().__init__()
        self.analysis = nn.Conv1d(1, channels, FILTER, stride=HOP, padding=MARGIN, bias=False)
        self.norm = Normalised(channels)
        self.levels = nn.Linear(channels // 2, channels)
        self.blocks = stack(channels, blocks, kernel=kernel, expansion=expansion)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        filtered = self.analysis(samples[:, None])
        first, second = filtered.square().chunk(2, dim=1)
        energies = LOG_SCALE * torch.log(first + second + SOFTEST)
        features: torch.Tensor = self.blocks(
            self.norm(filtered) + self.levels(energies.transpose(1, 2)).transpose(1, 2)
        )
        return features
