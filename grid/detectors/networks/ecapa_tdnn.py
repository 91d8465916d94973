"""ECAPA-TDNN on a speech encoder's frames, as Spectra-0 has it: a bridge, four Res2Net blocks, attentive statistics."""

from __future__ import annotations

import torch
from torch import Tensor, nn

DILATIONS = (2, 3, 4, 5)
VARIANCE_FLOOR = 1e-4


class Res2Block(nn.Module):
    """A residual block over `(batch, channels, frames)`: dilated convolutions in `scale` slices, then channel weights.

    Each slice but the last is convolved together with the result of the one before it (Gao et al. 2021, "Res2Net"); the
    weights are those of squeeze and excitation (Hu et al. 2018).
    """

    def __init__(self, channels: int, *, dilation: int, scale: int, squeezed: int) -> None:
        super().__init__()
        self.width = channels // scale
        self.enter = nn.Conv1d(channels, channels, 1)
        self.enter_norm = nn.BatchNorm1d(channels)
        self.slices = nn.ModuleList(
            nn.Conv1d(self.width, self.width, 3, dilation=dilation, padding=dilation) for _ in range(scale - 1)
        )
        self.slice_norms = nn.ModuleList(nn.BatchNorm1d(self.width) for _ in range(scale - 1))
        self.leave = nn.Conv1d(channels, channels, 1)
        self.leave_norm = nn.BatchNorm1d(channels)
        self.squeeze = nn.Conv1d(channels, squeezed, 1)
        self.excite = nn.Conv1d(squeezed, channels, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """The frames after the block, in the same shape."""
        *slices, last = self.enter_norm(self.enter(frames).relu()).split(self.width, dim=1)
        done: list[Tensor] = []
        for part, convolution, norm in zip(slices, self.slices, self.slice_norms, strict=True):
            done.append(norm(convolution(part + done[-1] if done else part).relu()))
        joined = self.leave_norm(self.leave(torch.cat([*done, last], dim=1)).relu())
        weights = self.excite(self.squeeze(joined.mean(dim=2, keepdim=True)).relu()).sigmoid()
        result: Tensor = joined * weights + frames
        return result


class AttentiveStatistics(nn.Module):
    """`(batch, channels, frames)` to the weighted mean and deviation of each channel, `(batch, 2 x channels)`.

    Desplanques et al. 2020, section 3.1: the weights of a frame depend on mean and deviation over the utterance too.
    """

    def __init__(self, channels: int, *, attention: int) -> None:
        super().__init__()
        self.attention = nn.Sequential(
            nn.Conv1d(3 * channels, attention, 1),
            nn.ReLU(),
            nn.BatchNorm1d(attention),
            nn.Tanh(),
            nn.Conv1d(attention, channels, 1),
        )

    def forward(self, frames: Tensor) -> Tensor:
        """The statistics; at least two frames are needed."""
        variance, mean = torch.var_mean(frames, dim=2, keepdim=True)
        deviation = variance.clamp(min=VARIANCE_FLOOR).sqrt()
        context = torch.cat([frames, mean.expand_as(frames), deviation.expand_as(frames)], dim=1)
        weights = self.attention(context).softmax(dim=2)
        weighted = (frames * weights).sum(dim=2)
        spread = ((frames.square() * weights).sum(dim=2) - weighted.square()).clamp(min=VARIANCE_FLOOR).sqrt()
        return torch.cat([weighted, spread], dim=1)


class EcapaTdnnNetwork(nn.Module):
    """Frames `(batch, frames, size)` to logits `(batch, outputs)`; any number of frames from two on."""

    def __init__(
        self, size: int, *, channels: int, scale: int, pooled: int, attention: int, dropout: float, outputs: int
    ) -> None:
        super().__init__()
        self.bridge = nn.Sequential(
            nn.Linear(size, channels),
            nn.SELU(),
            nn.Dropout(dropout),
            nn.Linear(channels, channels),
            nn.Dropout(dropout),
        )
        self.enter = nn.Conv1d(channels, channels, 5, padding=2)
        self.enter_norm = nn.BatchNorm1d(channels)
        self.blocks = nn.ModuleList(
            Res2Block(channels, dilation=dilation, scale=scale, squeezed=128) for dilation in DILATIONS
        )
        self.join = nn.Conv1d(len(DILATIONS) * channels, pooled, 1)
        self.pooling = AttentiveStatistics(pooled, attention=attention)
        self.pooled_norm = nn.BatchNorm1d(2 * pooled)
        self.out_layer = nn.Linear(2 * pooled, outputs)

    def forward(self, frames: Tensor) -> Tensor:
        """The logits. Each block hears the sum of what all before it gave."""
        heard = self.enter_norm(self.enter(self.bridge(frames).transpose(1, 2)).relu())
        given: list[Tensor] = []
        for block in self.blocks:
            given.append(block(heard))
            heard = heard + given[-1]
        statistics = self.pooling(self.join(torch.cat(given, dim=1)).relu())
        logits: Tensor = self.out_layer(self.pooled_norm(statistics))
        return logits
