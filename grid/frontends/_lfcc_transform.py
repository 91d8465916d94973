"""The computation of linear-frequency cepstral coefficients, in torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from scipy.fft import dct
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from grid.frontends.lfcc import LfccOptions

SAMPLE_RATE = 16_000


def triangular_filters(filters: int, maximum_hertz: float, fft_points: int) -> Tensor:
    """Weights `(fft_points // 2 + 1, filters)`: triangles of height 1 from neighbour's peak to peak."""
    bins = torch.linspace(0, SAMPLE_RATE / 2, fft_points // 2 + 1, dtype=torch.float64)
    edges = torch.linspace(0, maximum_hertz, filters + 2, dtype=torch.float64)
    rising = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0).float()


def differences(frames: Tensor) -> Tensor:
    """Next frame minus previous frame along axis 1 of `(batch, frames, size)`, with the outer frames repeated."""
    padded = torch.cat([frames[:, :1], frames, frames[:, -1:]], dim=1)
    return padded[:, 2:] - padded[:, :-2]


class LfccTransform(nn.Module):
    """Waveforms `(batch, samples)` to `(batch, 1 + samples // hop, size)`, float32.

    Sahidullah et al. 2015, section 2.1, in the form of the ASVspoof 2021 LFCC-LCNN baseline: power spectrum under a
    periodic Hamming window, frames centred on their hop with zeros beyond the ends, log10, orthonormal DCT-II, then
    plain two-frame differences and their differences.
    """

    window: Tensor
    bank: Tensor
    transform: Tensor

    def __init__(self, options: LfccOptions) -> None:
        super().__init__()
        self.options = options
        bank = triangular_filters(options.filters, options.maximum_hertz, options.fft_points)
        matrix = dct(torch.eye(options.filters).numpy(), type=2, norm="ortho")[:, : options.coefficients]
        # They follow from the options, so a checkpoint need not hold them.
        self.register_buffer("window", torch.hamming_window(options.frame_samples), persistent=False)
        self.register_buffer("bank", bank, persistent=False)
        self.register_buffer("transform", torch.from_numpy(matrix.copy()).float(), persistent=False)

    def forward(self, waveforms: Tensor) -> Tensor:
        """The coefficients; float32 even under autocast, as the log of a power loses most in half precision."""
        with torch.autocast(waveforms.device.type, enabled=False):
            static = self._static(waveforms.float())
            if not self.options.deltas:
                return static
            first = differences(static)
            return torch.cat([static, first, differences(first)], dim=-1)

    def _static(self, waveforms: Tensor) -> Tensor:
        power = self._power(waveforms)
        tiny = torch.finfo(torch.float32).eps
        cepstrum = torch.log10(power @ self.bank + tiny) @ self.transform
        if not self.options.energy:
            return cepstrum
        energy = torch.log10(power.sum(-1, keepdim=True) / self.options.fft_points + tiny)
        return torch.cat([energy, cepstrum[..., 1:]], dim=-1)

    def _power(self, waveforms: Tensor) -> Tensor:
        options = self.options
        if options.pre_emphasis > 0:
            emphasised = waveforms[:, 1:] - options.pre_emphasis * waveforms[:, :-1]
            waveforms = torch.cat([waveforms[:, :1], emphasised], dim=1)
        spectrum = torch.stft(
            functional.pad(waveforms, (options.fft_points // 2, options.fft_points // 2)),
            options.fft_points,
            options.hop_samples,
            options.frame_samples,
            self.window,
            center=False,
            return_complex=True,
        )
        return (spectrum.real.square() + spectrum.imag.square()).transpose(1, 2)
