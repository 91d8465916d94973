"""DEC: the two heads that turn decoded frames into samples, in the time domain or through an inverse STFT."""

from __future__ import annotations

import torch
from torch import nn

from grid.small_codecs.blocks import FILTER, HOP, MARGIN

FFT = 640
"""Samples of the inverse transform: four frames, as in Vocos."""
LARGEST_MAGNITUDE = 100.0
FILTERS = 200
HIGHEST_LEVEL = 5.0
QUIET = 0.002
"""Spread of the synthesis filters before training: they begin near silence, not as noise louder than speech."""


class TimeHead(nn.Module):
    """`Time`: frames `(batch, channels, frames)` to samples by overlapping learned synthesis filters.

    Each filter has a strength and, as an exponent, a level, for speech spans levels that a sum of channels behind a
    normalisation is slow to learn.
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
