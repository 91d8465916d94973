"""A fixed bank of band-pass filters whose edges are equally spaced in mel: the first layer of AASIST."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from grid.errors import RequestError

SAMPLE_RATE = 16_000


def band_edges(filters: int) -> NDArray[np.float64]:
    """The `filters + 1` edges in hertz, equally spaced in mel (2595 log10(1 + f/700)) from 0 to 8,000 Hz."""
    highest = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    mel = np.linspace(0, highest, filters + 1)
    edges: NDArray[np.float64] = 700 * (10 ** (mel / 2595) - 1)
    return edges


def sinc_filters(filters: int, taps: int) -> NDArray[np.float32]:
    """The impulse responses `(filters, taps)`: the difference of two ideal low-passes under a Hamming window.

    Ravanelli and Bengio 2018, "Speaker recognition from raw waveform with SincNet", equations 3 to 6, with the edges
    fixed as in Tak et al. 2021 (RawNet2 for anti-spoofing). `taps` must be odd, so that the filters are symmetric.
    """
    if taps % 2 == 0:
        raise RequestError(f"sinc_taps must be odd for a symmetric filter, not {taps}; use {taps + 1}")
    offset = np.arange(taps) - taps // 2
    cutoff = 2 * band_edges(filters)[:, None] / SAMPLE_RATE
    low_pass = cutoff * np.sinc(cutoff * offset)
    band_pass = low_pass[1:] - low_pass[:-1]
    return (band_pass * np.hamming(taps)).astype(np.float32)


class SincFilters(nn.Module):
    """Waveforms `(batch, samples)` to sub-band signals `(batch, filters, samples - taps + 1)`; nothing is learnt.

    The filters follow from the options, so they are not in the state dict.
    """

    bank: Tensor

    def __init__(self, filters: int, taps: int) -> None:
        super().__init__()
        self.register_buffer("bank", torch.from_numpy(sinc_filters(filters, taps)).unsqueeze(1), persistent=False)

    def forward(self, waveforms: Tensor) -> Tensor:
        """The sub-band signals, without padding."""
        return functional.conv1d(waveforms.unsqueeze(1), self.bank)
