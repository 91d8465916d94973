"""Nes2Net-X: Res2Net blocks inside the groups of a Res2Net-like outer layer, on frames without any projection."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class SqueezeExcitation(nn.Module):
    """`(batch, channels, frames)` with each channel scaled by 0 .. 1, from the mean of all channels over time.

    Hu, Shen, Sun 2018, "Squeeze-and-excitation networks", CVPR.
    """

    def __init__(self, channels: int, ratio: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // ratio)
        self.excite = nn.Linear(channels // ratio, channels)

    def forward(self, frames: Tensor) -> Tensor:
        """The scaled frames."""
        scales = self.excite(self.squeeze(frames.mean(dim=2)).relu()).sigmoid()
        return frames * scales.unsqueeze(2)


class GrowingUnit(nn.Module):
    """Unit i of the inner nest: takes one more slice, convolves all that it holds over time, and sums them weighted.

    What it holds is `(batch, width, frames, slices)`: the output of the unit before it, and the new slice.
    """

    def __init__(self, width: int, slices: int, *, kernel: int, dilation: int) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.convolution = nn.Conv2d(width, width, (kernel, 1), dilation=(dilation, 1), padding=(padding, 0))
        self.norm = nn.BatchNorm2d(width)
        self.weights = nn.Parameter(torch.full((slices,), 1 / slices))

    def forward(self, held: Tensor, added: Tensor) -> tuple[Tensor, Tensor]:
        """What the next unit holds, and the weighted sum `(batch, width, frames)` of it."""
        held = torch.cat([held, added.unsqueeze(3)], dim=3)
        held = self.norm(functional.relu(self.convolution(held)))
        return held, held @ self.weights.to(held.dtype)


class NestedBlock(nn.Module):
    """`(batch, channels, frames)` to the same shape: a Res2Net block whose units keep their inputs apart.

    Liu et al. 2025, "Nes2Net: A lightweight nested architecture for foundation model driven speech anti-spoofing",
    the block of Nes2Net-X: where Res2Net adds a slice to the output before it, this one concatenates them on an axis
    of their own, shares the convolution along that axis and learns how much each counts.
    """

    def __init__(self, channels: int, *, scale: int, kernel: int, dilation: int, squeeze_ratio: int) -> None:
        super().__init__()
        width = channels // scale
        self.scale = scale
        self.enter = nn.Conv1d(channels, channels, 1)
        self.enter_norm = nn.BatchNorm1d(channels)
        self.units = nn.ModuleList(
            GrowingUnit(width, index + 2, kernel=kernel, dilation=dilation) for index in range(scale - 1)
        )
        self.leave = nn.Conv1d(channels, channels, 1)
        self.leave_norm = nn.BatchNorm1d(channels)
        self.squeeze_excitation = SqueezeExcitation(channels, squeeze_ratio)

    def forward(self, frames: Tensor) -> Tensor:
        """The frames after the block, with the input added."""
        *slices, last = self.enter_norm(functional.relu(self.enter(frames))).chunk(self.scale, dim=1)
        held, sums = last.unsqueeze(3), []
        for unit, added in zip(self.units, slices, strict=True):
            held, weighted = unit(held, added)
            sums.append(weighted)
        joined = torch.cat([*sums, last], dim=1)
        scaled: Tensor = self.squeeze_excitation(self.leave_norm(functional.relu(self.leave(joined))))
        return scaled + frames


class Nes2NetXNetwork(nn.Module):
    """Frames `(batch, frames, size)` to logits `(batch, outputs)`; any number of frames, `size` a multiple of
    `groups * scale`.

    Liu et al. 2025. The size is split into groups g_0 .. g_n. Block i reads g_i plus the output of block i - 1; the
    last group passes unchanged. All are joined, normed and averaged over time.
    """

    def __init__(
        self, size: int, *, groups: int, scale: int, kernel: int, dilation: int, squeeze_ratio: int, outputs: int
    ) -> None:
        super().__init__()
        channels, self.groups = size // groups, groups
        self.blocks = nn.ModuleList(
            NestedBlock(channels, scale=scale, kernel=kernel, dilation=dilation, squeeze_ratio=squeeze_ratio)
            for _ in range(groups - 1)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(channels) for _ in range(groups - 1))
        self.norm = nn.BatchNorm1d(size)
        self.out_layer = nn.Linear(size, outputs)

    def forward(self, frames: Tensor) -> Tensor:
        """The logits."""
        *groups, last = frames.transpose(1, 2).chunk(self.groups, dim=1)
        outputs: list[Tensor] = []
        for block, norm, group in zip(self.blocks, self.norms, groups, strict=True):
            outputs.append(norm(functional.relu(block(group + outputs[-1] if outputs else group))))
        joined = functional.relu(self.norm(torch.cat([*outputs, last], dim=1)))
        logits: Tensor = self.out_layer(joined.mean(dim=2))
        return logits
