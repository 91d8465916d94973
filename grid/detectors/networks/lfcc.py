"""Linear-frequency cepstral coefficients (LFCC) as a torch module without parameters."""

from __future__ import annotations

import torch
from scipy.fft import dct
from torch import Tensor, nn
from torch.nn import functional

from grid.core.vocabulary import SAMPLE_RATE


def triangular_filters(filters: int, maximum_hertz: float, fft_points: int) -> Tensor:
    """Weights `(fft_points // 2 + 1, filters)`: triangles of height 1 that end at the peaks of their neighbours."""
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

    def __init__(
        self,
        *,
        frame_samples: int,
        hop_samples: int,
        fft_points: int,
        filters: int,
        maximum_hertz: float,
        coefficients: int,
        pre_emphasis: float,
        energy: bool,
        deltas: bool,
    ) -> None:
        super().__init__()
        self.frame_samples, self.hop_samples, self.fft_points = frame_samples, hop_samples, fft_points
        self.pre_emphasis, self.energy, self.deltas = pre_emphasis, energy, deltas
        bank = triangular_filters(filters, maximum_hertz, fft_points)
        matrix = dct(torch.eye(filters).numpy(), type=2, norm="ortho")[:, :coefficients]
        # functions of the options, so not part of a checkpoint
        self.register_buffer("window", torch.hamming_window(frame_samples), persistent=False)
        self.register_buffer("bank", bank, persistent=False)
        self.register_buffer("transform", torch.from_numpy(matrix.copy()).float(), persistent=False)

    def forward(self, waveforms: Tensor) -> Tensor:
        """The coefficients; float32 even under autocast: the log of a power loses too much in half precision."""
        with torch.autocast(waveforms.device.type, enabled=False):
            static = self._static(waveforms.float())
            if not self.deltas:
                return static
            first = differences(static)
            return torch.cat([static, first, differences(first)], dim=-1)

    def _static(self, waveforms: Tensor) -> Tensor:
        power = self._power(waveforms)
        tiny = torch.finfo(torch.float32).eps
        cepstrum = torch.log10(power @ self.bank + tiny) @ self.transform
        if not self.energy:
            return cepstrum
        energy = torch.log10(power.sum(-1, keepdim=True) / self.fft_points + tiny)
        return torch.cat([energy, cepstrum[..., 1:]], dim=-1)

    def _power(self, waveforms: Tensor) -> Tensor:
        if self.pre_emphasis > 0:
            emphasised = waveforms[:, 1:] - self.pre_emphasis * waveforms[:, :-1]
            waveforms = torch.cat([waveforms[:, :1], emphasised], dim=1)
        spectrum = torch.stft(
            functional.pad(waveforms, (self.fft_points // 2, self.fft_points // 2)),
            self.fft_points,
            self.hop_samples,
            self.frame_samples,
            self.window,
            center=False,
            return_complex=True,
        )
        return (spectrum.real.square() + spectrum.imag.square()).transpose(1, 2)
