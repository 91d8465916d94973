"""What a member is trained to bring close: the waveform, compressed spectra at three resolutions, mel energies."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torchaudio
from torch import nn

from grid.small_codecs.spec import LossWeights

SAMPLE_RATE = 16_000
FFT_SIZES = (256, 512, 1024)
MEL_BANDS = 64
MEL_FFT = 512
EXPONENT = 0.3
"""Magnitudes are raised to this, as in speech enhancement (Ephrat and others 2018): weak parts count, at any level."""
FLOOR = 1e-5
MEL_FLOOR = 1e-4
"""Bands weaker than this count as silent; the strongest of speech are near 0.1."""


@dataclass(frozen=True)
class Terms:
    """The unweighted terms of the reconstruction loss, each a scalar."""

    waveform: torch.Tensor
    spectrum: torch.Tensor
    magnitude: torch.Tensor
    mel: torch.Tensor

    def weighted(self, weights: LossWeights) -> torch.Tensor:
        """Their sum, each times its weight."""
        spectral = weights.spectrum * self.spectrum + weights.magnitude * self.magnitude
        return weights.waveform * self.waveform + spectral + weights.mel * self.mel


@dataclass(frozen=True)
class _View:
    """One STFT: power and compressed magnitude `(batch, bins, frames)`, compressed real and imaginary parts."""

    power: torch.Tensor
    strength: torch.Tensor
    compressed: torch.Tensor


class Reconstruction(nn.Module):
    """The distance between recordings and what a codec made of them, both `(batch, samples)` at 16 kHz."""

    def __init__(self) -> None:
        super().__init__()
        for size in FFT_SIZES:
            self.register_buffer(f"window_{size}", torch.hann_window(size), persistent=False)
        bank = torchaudio.functional.melscale_fbanks(
            MEL_FFT // 2 + 1, 0.0, SAMPLE_RATE / 2, MEL_BANDS, SAMPLE_RATE, mel_scale="slaney"
        )
        self.register_buffer("bank", bank, persistent=False)

    def forward(self, decoded: torch.Tensor, recorded: torch.Tensor) -> Terms:
        spectrum = magnitude = mel = decoded.new_zeros(())
        for size in FFT_SIZES:
            ours = self._view(decoded, size)
            with torch.no_grad():
                theirs = self._view(recorded, size)
            spectrum = spectrum + (ours.compressed - theirs.compressed).abs().mean()
            magnitude = magnitude + (ours.strength - theirs.strength).abs().mean()
            if size == MEL_FFT:
                mel = (self._mel(ours) - self._mel(theirs)).abs().mean()
        count = len(FFT_SIZES)
        return Terms((decoded - recorded).abs().mean(), spectrum / count, magnitude / count, mel)

    def _view(self, samples: torch.Tensor, size: int) -> _View:
        """The STFT with half a window between frames, scaled so that a full-scale sine has magnitude 1/2."""
        window: torch.Tensor = getattr(self, f"window_{size}")
        spectra = torch.stft(samples, size, size // 2, window=window, return_complex=True)
        parts = torch.view_as_real(spectra / window.sum())
        power = parts.square().sum(-1) + FLOOR**2
        strength = power ** (EXPONENT / 2)
        return _View(power, strength, parts * (strength * power.rsqrt())[..., None])

    def _mel(self, view: _View) -> torch.Tensor:
        """Log energies `(batch, frames, bands)`."""
        bank: torch.Tensor = self.get_buffer("bank")
        return torch.log(view.power.sqrt().transpose(1, 2) @ bank + MEL_FLOOR)
