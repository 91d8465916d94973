"""How far decoded speech is from recorded speech in the statistics of its bands, whatever their timing."""

from __future__ import annotations

import torch
from torch import nn

from grid.small_codecs.losses import FFT_SIZES, Spectra, at_one_level

FLOOR = 2e-4
"""Magnitudes below this count as silent, 54 dB below recordings at LEVEL."""
STEADY = 1e-6
"""Keeps the gradient of a standard deviation finite where nothing moves."""


class Moments(nn.Module):
    """The distance between the statistics of recordings and of what a codec made of them, `(batch, samples)` at 16 kHz.

    A distance between spectra, frame by frame, is least at the middle of what the codes leave open, so speech comes
    out too soft and too smooth; the global variance of Toda and Tokuda (2007) is the cure in parametric synthesis. Here
    five statistics of every band over the frames of a crop are compared, at three resolutions: the log of its mean
    power, the mean and the standard deviation of its log magnitude, and how much that moves from frame to frame and
    from band to band.
    """

    def __init__(self) -> None:
        super().__init__()
        self.spectra = Spectra(overlap=4)

    def forward(self, decoded: torch.Tensor, recorded: torch.Tensor) -> torch.Tensor:
        """The mean absolute difference, a scalar; `recorded` also sets the gain at which both are compared."""
        decoded, recorded = at_one_level(decoded, recorded)
        distance = decoded.new_zeros(())
        for size in FFT_SIZES:
            ours = self._statistics(decoded, size)
            with torch.no_grad():
                theirs = self._statistics(recorded, size)
            for our, their in zip(ours, theirs, strict=True):
                distance = distance + (our - their).abs().mean() / (len(ours) * len(FFT_SIZES))
        return distance

    def _statistics(self, samples: torch.Tensor, size: int) -> list[torch.Tensor]:
        """Five, each `(batch, bands)`, one band fewer for the last."""
        power = self.spectra(samples, size).square().sum(-1)
        strength = 0.5 * torch.log(power + FLOOR**2)
        return [
            0.5 * torch.log(power.mean(-1) + FLOOR**2),
            strength.mean(-1),
            (strength.var(-1) + STEADY).sqrt(),
            strength.diff(dim=-1).abs().mean(-1),
            strength.diff(dim=-2).abs().mean(-1),
        ]
