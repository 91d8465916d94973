"""Faster modules on the CPU: one-dimensional convolutions on time-major signals (channels last), and Snake activations.

A signal keeps its shape `(batch, channels, time)`; only its strides differ from the usual ones, and most elementwise
operations keep them. In the usual layout oneDNN copies the signal to its own layout before a convolution and back
after it. GFLOP/s, one thread of an AMD EPYC with AVX-512, usual and time-major: 64 -> 64 channels, kernel 1: 60 and
68; 32 -> 16, kernel 3: 50 and 93; 96 -> 192, kernel 8, stride 4: 92 and 108; transposed 128 -> 64, kernel 4, stride 2:
47 and 76; 192 -> 192, kernel 7, dilation 3: 108 and 113.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

SNAKE_EPSILON = 1e-9
"""Added to beta before the division, as in every package whose Snake is replaced."""


class TimeMajorConv1d(torch.nn.Conv1d):
    """A Conv1d with zero padding whose output is time-major; the same sums, so equal up to rounding."""

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """`(batch, channels, time)` in any layout."""
        return _convolved(signal, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class DilatedDepthwiseConv1d(torch.nn.Conv1d):
    """A depthwise Conv1d of dilation d, computed without dilation on d times as many channels.

    Such a filter treats every d-th sample as a separate signal; in time-major layout these d signals are d groups of
    channels of the same memory. 128 channels, kernel 7, dilation 3, 24,576 samples, the thread above: 3 ms instead of
    16 ms.
    """

    spread_weight: torch.Tensor
    spread_bias: torch.Tensor | None

    def spread(self) -> None:
        """Repeats the filters for each of the d signals."""
        times = self.dilation[0]
        self.register_buffer("spread_weight", self.weight.detach().repeat(times, 1, 1), persistent=False)
        bias = None if self.bias is None else self.bias.detach().repeat(times)
        self.register_buffer("spread_bias", bias, persistent=False)

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """`(batch, channels, time)` in any layout."""
        batch, channels, time = signal.shape
        times = self.dilation[0]
        rows = pad_time(signal, 0, -time % times).transpose(1, 2)
        several = rows.reshape(batch, -1, times * channels).transpose(1, 2)
        padding = (int(self.padding[0]) // times,)
        out = _convolved(several, self.spread_weight, self.spread_bias, (1,), padding, (1,), times * channels)
        return out.transpose(1, 2).reshape(batch, -1, channels)[:, :time].transpose(1, 2)


class TimeMajorConvTranspose1d(torch.nn.ConvTranspose1d):
    """A ConvTranspose1d whose output is time-major; the same sums, so equal up to rounding."""

    def forward(self, signal: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        """`(batch, channels, time)` in any layout; `output_size` as in torch.nn.ConvTranspose1d is not offered."""
        if output_size is not None:
            raise NotImplementedError("output_size")
        out = functional.conv_transpose2d(
            _as_image(signal),
            self.weight.unsqueeze(2),
            self.bias,
            (1, *self.stride),
            (0, int(self.padding[0])),
            (0, *self.output_padding),
            self.groups,
            (1, *self.dilation),
        )
        return _as_signal(out)


def make_time_major(model: torch.nn.Module) -> None:
    """Changes every plain float32 convolution of `model` to the equivalent class above; other convolutions stay."""
    for module in model.modules():
        weight: Any = getattr(module, "weight", None)
        if type(module) not in (torch.nn.Conv1d, torch.nn.ConvTranspose1d) or not _is_plain(module, weight):
            continue
        if type(module) is torch.nn.ConvTranspose1d:
            _become(module, TimeMajorConvTranspose1d)
        elif _is_dilated_depthwise(module):
            _become(module, DilatedDepthwiseConv1d)
            module.spread()  # type: ignore[operator]
        else:
            _become(module, TimeMajorConv1d)


def pad_time(signal: torch.Tensor, left: int, right: int, mode: str = "constant", value: float = 0.0) -> torch.Tensor:
    """`signal` `(batch, channels, time)` with `left` and `right` more samples, in time-major layout.

    `mode` is one of torch.nn.functional.pad: constant, reflect or replicate. 2 more of 64 channels x 49,152 samples,
    the thread above: 2.6 ms with functional.pad by reflection, 0.8 ms as one copy.
    """
    rows = signal.transpose(1, 2)
    if left == right == 0:
        return rows.contiguous().transpose(1, 2)
    batch, time, channels = rows.shape
    padded = rows.new_empty(batch, left + time + right, channels)
    padded[:, left : left + time] = rows
    before, after = padded[:, :left], padded[:, left + time :]
    if mode == "constant":
        before.fill_(value)
        after.fill_(value)
    elif mode == "reflect":
        before.copy_(rows[:, 1 : left + 1].flip(1))
        after.copy_(rows[:, time - 1 - right : time - 1].flip(1))
    elif mode == "replicate":
        before.copy_(rows[:, :1].expand_as(before))
        after.copy_(rows[:, -1:].expand_as(after))
    else:
        raise NotImplementedError(f"padding mode {mode!r}")
    return padded.transpose(1, 2)


def _convolved(
    signal: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    stride: tuple[int, ...],
    padding: Any,
    dilation: tuple[int, ...],
    groups: int,
) -> torch.Tensor:
    image = _as_image(signal)
    out = functional.conv2d(image, weight.unsqueeze(2), bias, (1, *stride), (0, *padding), (1, *dilation), groups)
    return _as_signal(out)


def _as_image(signal: torch.Tensor) -> torch.Tensor:
    """`(batch, channels, 1, time)`, channels last; no copy where the signal is time-major already."""
    return signal.unsqueeze(2).contiguous(memory_format=torch.channels_last)


def _as_signal(image: torch.Tensor) -> torch.Tensor:
    return image.contiguous(memory_format=torch.channels_last).squeeze(2)


def _is_plain(module: Any, weight: Any) -> bool:
    """Whether the padding is a number of zeros and the weight a float32 parameter that no call recomputes."""
    return (
        isinstance(weight, torch.nn.Parameter)
        and weight.dtype == torch.float32
        and module.padding_mode == "zeros"
        and not isinstance(module.padding, str)
    )


def _is_dilated_depthwise(conv: Any) -> bool:
    times = conv.dilation[0]
    depthwise = conv.groups == conv.in_channels == conv.out_channels
    return bool(times > 1 and depthwise and conv.stride == (1,) and conv.padding[0] % times == 0)


def _become(module: Any, kind: type[torch.nn.Module]) -> None:
    """Changes the class in place: references to the module, and tests whether it is a Conv1d, remain valid."""
    module.__class__ = kind
    rows = module.weight.detach().transpose(1, 2).contiguous()
    module.weight = torch.nn.Parameter(rows.transpose(1, 2), requires_grad=False)


class Snake(torch.nn.Module):
    """Snake, x + sin^2(alpha x) / beta (Ziyin et al. 2020), on `(batch, channels, time)` in any layout, which it keeps.

    128 channels x 24,576 samples, one thread of an AMD EPYC: 8.5 ms as the packages write it, 5.5 ms in place, 3.3 ms
    with NumPy's sine, which uses AVX-512. NumPy's is used on a single thread, where torch cannot divide its own among
    several; it is exact within 1.5 units in the last place, torch's within 0.7.
    """

    alpha: torch.Tensor
    inverse: torch.Tensor

    def __init__(self, alpha: torch.Tensor, beta: torch.Tensor) -> None:
        """`alpha` and `beta` are of shape (1, channels, 1)."""
        super().__init__()
        self.register_buffer("alpha", alpha.detach().clone())
        self.register_buffer("inverse", (beta.detach() + SNAKE_EPSILON).reciprocal())

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

    The even and the odd samples of the doubled rate are two signals, each filtered with half of the taps: in time-major
    layout they are two groups of channels, computed by one depthwise convolution. 96 channels x 16,000 samples, the
    thread above: 19 ms in the package, 10 ms here.
    """

    up_weight: torch.Tensor
    down_weight: torch.Tensor

    def __init__(self, original: Any) -> None:
        """`original` is a bigcodec.modules.Activation1d of which `is_known` is true."""
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
        """The same shape, in time-major layout."""
        batch, channels, time = signal.shape
        rows = pad_time(signal, 3, 3, "replicate").transpose(1, 2)
        twice = torch.cat([rows, rows], dim=2).transpose(1, 2).unsqueeze(2)
        doubled = functional.conv2d(twice, self.up_weight, groups=2 * channels)
        fine = doubled.permute(0, 2, 3, 1).reshape(batch, 2 * time, channels).transpose(1, 2)
        padded = pad_time(self.snake(fine), 5, 6, "replicate").unsqueeze(2)
        return functional.conv2d(padded, self.down_weight, stride=(1, 2), groups=channels).squeeze(2)
