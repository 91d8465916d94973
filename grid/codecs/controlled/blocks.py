"""Parts of the controlled family's networks: the encoder and residual blocks, and the two kinds of decoder head.

Speech is 16 kHz; a frame is 160 samples (10 ms), so features are `(batch, channels, frames)` at 100 frames per second.
"""

from __future__ import annotations

import torch
from torch import nn

HOP = 160
"""Samples of a frame: 100 frames per second at 16 kHz."""
FILTER = 400
"""Samples of a learned analysis or synthesis filter: 25 ms, the usual window of speech analysis."""
MARGIN = (FILTER - HOP) // 2
"""Samples that a filter reaches beyond its frame on either side: frame t is centred on samples 160 t to 160 t + 159."""
ENERGY_FLOOR = 1e-6
"""Added to the energies of filters before the logarithm; speech lies between 1e-5 and 1e-1 before training."""
LOG_SCALE = 0.3
FFT = 640
"""Length of the inverse transform in samples: four frames, as in Vocos."""
LARGEST_MAGNITUDE = 100.0
FILTERS = 200
HIGHEST_LEVEL = 5.0
QUIET = 0.002
"""Standard deviation of the initial synthesis filters: the output starts near silence, not as noise above speech."""


class Block(nn.Module):
    """A residual block on `(batch, channels, frames)`: depthwise over time, then two layers over channels.

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
    """`blocks` residual blocks followed by a normalisation."""
    inner = [Block(channels, kernel=kernel, expansion=expansion) for _ in range(blocks)]
    return nn.Sequential(*inner, Normalised(channels))


class Encoder(nn.Module):
    """Samples `(batch, 160 * frames)` to features `(batch, channels, frames)`: learned filters, then blocks.

    Normalising the filters' outputs removes the level of a frame, so the log energies of pairs of filters are added as
    features: with them, and no quantiser, a thousand steps gave STOI 0.79 on unseen speakers instead of 0.75.
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
        energies = LOG_SCALE * torch.log(first + second + ENERGY_FLOOR)
        features: torch.Tensor = self.blocks(
            self.norm(filtered) + self.levels(energies.transpose(1, 2)).transpose(1, 2)
        )
        return features


class TimeHead(nn.Module):
    """`Time`: frames `(batch, channels, frames)` to samples by overlapping learned synthesis filters.

    The weight of each filter is a strength times the exponential of a level, because speech spans a range of levels
    that a linear layer after a normalisation is slow to learn.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.strengths = nn.Linear(channels, FILTERS)
        self.levels = nn.Linear(channels, FILTERS)
        self.synthesis = nn.ConvTranspose1d(FILTERS, 1, FILTER, stride=HOP, padding=MARGIN, bias=False)
        nn.init.normal_(self.synthesis.weight, std=QUIET)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Samples `(batch, 160 * frames)`."""
        steady = frames.transpose(1, 2)
        weighted = self.strengths(steady) * self.levels(steady).clamp(max=HIGHEST_LEVEL).exp()
        samples: torch.Tensor = self.synthesis(weighted.transpose(1, 2))[:, 0]
        return samples


class FrequencyHead(nn.Module):
    """`Freq`: frames to the magnitude and the phase of a spectrum, then an inverse STFT (Siuzdak 2024, section 3.3)."""

    window: torch.Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.spectrum = nn.Linear(channels, 2 * (FFT // 2 + 1))
        self.register_buffer("window", torch.hann_window(FFT), persistent=False)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Samples `(batch, 160 * frames)`; frame t is centred on sample 160 t + 80, the middle of its span."""
        magnitude, phase = self.spectrum(frames.transpose(1, 2)).transpose(1, 2).chunk(2, dim=1)
        spectra = torch.polar(magnitude.exp().clamp(max=LARGEST_MAGNITUDE), phase)
        pieces = torch.fft.irfft(spectra, FFT, dim=1) * self.window[:, None]
        return _overlap_add(pieces) / _overlap_add((self.window**2)[None, :, None].expand(1, -1, pieces.shape[-1]))


def _overlap_add(pieces: torch.Tensor) -> torch.Tensor:
    """`(batch, 640, frames)`, 160 apart, to the samples of the frames `(batch, 160 * frames)`."""
    count = pieces.shape[-1]
    size = (1, (count - 1) * HOP + FFT)
    summed = nn.functional.fold(pieces, size, (1, FFT), stride=(1, HOP))[:, 0, 0]
    start = (FFT - HOP) // 2
    return summed[:, start : start + count * HOP]


HEADS = {"time": TimeHead, "frequency": FrequencyHead}
