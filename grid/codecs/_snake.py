"""Snake (Ziyin et al. 2020, "Neural Networks Fail to Learn Periodic Functions", eq. 3) of codecs, in few passes.

x + sin(a x)^2 / b, with a and b for each channel; b is a in DAC and SNAC.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from grid.codecs._time_major import pad_time

LEAST = 1e-9
"""What is added to b before the division, in every package below."""


class Snake(torch.nn.Module):
    """Snake on `(batch, channels, time)` in any layout, which it keeps.

    128 channels x 24,576 samples, one thread of an AMD EPYC: 8.5 ms as the packages write it, 5.5 in place, 3.3 with
    NumPy's sine, which uses AVX-512 and is taken on one thread (torch's is shared among several): within 1.5 units in
    the last place, torch's within 0.7.
    """

    alpha: torch.Tensor
    inverse: torch.Tensor

    def __init__(self, alpha: torch.Tensor, beta: torch.Tensor) -> None:
        """`alpha` and `beta` are of shape (1, channels, 1)."""
        super().__init__()
        self.register_buffer("alpha", alpha.detach().clone())
        self.register_buffer("inverse", (beta.detach() + LEAST).reciprocal())

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """The same shape and layout."""
        waves = signal * self.alpha
        if torch.get_num_threads() == 1:
            values = waves.numpy()
            np.sin(values, out=values)
        else:
            waves.sin_()
        return torch.addcmul(signal, waves.square_(), self.inverse, out=waves)


class ResampledSnake(torch.nn.Module):
    """BigCodec's Activation1d: Snake at twice the rate, between two low-pass filters of 12 taps (Lee et al. 2023,
    "BigVGAN", section 2.3), on `(batch, channels, time)`.

    The even and the odd samples of the doubled rate are two signals, each filtered with half of the taps: time by time
    they are two groups of channels, and one depthwise convolution makes both. 96 channels x 16,000 samples, the thread
    above: 19 ms as the package has it, 10 here.
    """

    up_weight: torch.Tensor
    down_weight: torch.Tensor

    def __init__(self, original: Any) -> None:
        """`original` is a bigcodec.modules.Activation1d; see `is_known` for what it must be like."""
        super().__init__()
        channels = len(original.act.alpha)
        alpha, beta = (value.detach().exp()[None, :, None] for value in (original.act.alpha, original.act.beta))
        self.snake = Snake(alpha, beta)
        taps = 2 * original.upsample.filter.flatten()
        # y[2t] takes the odd taps of x[t-3..t+2], y[2t+1] the even ones of x[t-2..t+3]: a window of 7 holds both
        window = taps.new_zeros(2, 7)
        window[0, :6], window[1, 1:] = taps[1::2].flip(0), taps[0::2].flip(0)
        self.register_buffer("up_weight", window.repeat_interleave(channels, 0)[:, None, None])
        self.register_buffer("down_weight", original.downsample.lowpass.filter.expand(channels, 1, 12)[:, :, None])

    @staticmethod
    def is_known(original: Any) -> bool:
        """Whether it doubles the rate with filters of 12 taps around a Snake of exponential parameters."""
        up, down = original.upsample, original.downsample.lowpass
        return bool(
            (up.stride, up.kernel_size, up.pad, up.pad_left) == (2, 12, 5, 15)
            and (down.stride, down.kernel_size, down.pad_left, down.pad_right) == (2, 12, 5, 6)
            and getattr(original.act, "alpha_logscale", False)
        )

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """The same shape, time by time."""
        batch, channels, time = signal.shape
        rows = pad_time(signal, 3, 3, "replicate").transpose(1, 2)
        twice = torch.cat([rows, rows], dim=2).transpose(1, 2).unsqueeze(2)
        doubled = functional.conv2d(twice, self.up_weight, groups=2 * channels)
        fine = doubled.permute(0, 2, 3, 1).reshape(batch, 2 * time, channels).transpose(1, 2)
        padded = pad_time(self.snake(fine), 5, 6, "replicate").unsqueeze(2)
        return functional.conv2d(padded, self.down_weight, stride=(1, 2), groups=channels).squeeze(2)
