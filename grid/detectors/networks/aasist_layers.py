"""The layers of AASIST: graph attention (one kind of nodes; two kinds with a master node), graph pooling, the residual
encoder and fixed sinc filters."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from grid.core.errors import RequestError
from grid.core.vocabulary import SAMPLE_RATE


def attention_vector(size: int) -> nn.Parameter:
    """A learnt vector `(size, 1)`, Xavier-normal, that turns a pair of nodes into one attention logit."""
    return nn.Parameter(nn.init.xavier_normal_(torch.empty(size, 1)))


def pairs(nodes: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """The unordered pairs of `nodes` nodes, self-pairs included: first index, second index, and the way back.

    The way back `(nodes * nodes,)` holds, for each cell of the full matrix, the number of its pair.
    """
    first, second = torch.triu_indices(nodes, nodes, device=device)
    back = torch.empty(nodes, nodes, dtype=torch.long, device=device)
    back[first, second] = back[second, first] = torch.arange(len(first), device=device)
    return first, second, back.flatten()


def pairwise_hidden(nodes: Tensor, projection: nn.Linear) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """tanh(projection(node_i * node_j)) for every unordered pair `(batch, pairs, size)`, with the indices of `pairs`.

    The product commutes, so one of (i, j) and (j, i) is enough. Forward and backward for 29 nodes of size 24: 0.07 ms
    an item against 0.11 ms with all ordered pairs (0.24 against 0.49 for size 64), one core of a 2-core x86 CPU; the
    values are bit-equal, and the largest tensor has half the size.
    """
    first, second, back = pairs(nodes.shape[1], nodes.device)
    products = nodes.index_select(1, first) * nodes.index_select(1, second)
    return torch.tanh(projection(products)), first, second, back


def attention(logits: Tensor, back: Tensor, temperature: float) -> Tensor:
    """Weights `(batch, nodes, nodes)` that sum to 1 over the last axis, from one logit per pair `(batch, pairs)`."""
    nodes = math.isqrt(len(back))
    full = logits.index_select(1, back).unflatten(1, (nodes, nodes))
    return torch.softmax(full / temperature, dim=-1)


def normalise(norm: nn.BatchNorm1d, nodes: Tensor) -> Tensor:
    """Batch norm over batch and nodes together, then SELU; the shape `(batch, nodes, size)` stays."""
    return functional.selu(norm(nodes.flatten(0, 1)), inplace=True).unflatten(0, nodes.shape[:2])


class GraphAttention(nn.Module):
    """Nodes `(batch, nodes, before)` to `(batch, nodes, after)` by attention over the complete graph.

    Jung et al. 2022, section 2.2 (after Tak et al. 2021, RawGAT-ST, equations 1 to 4).
    """

    def __init__(self, before: int, after: int, temperature: float, dropout: float) -> None:
        super().__init__()
        self.att_proj = nn.Linear(before, after)
        self.att_weight = attention_vector(after)
        self.proj_with_att = nn.Linear(before, after)
        self.proj_without_att = nn.Linear(before, after)
        self.bn = nn.BatchNorm1d(after)
        self.input_drop = nn.Dropout(dropout)
        self.temperature = temperature

    def forward(self, nodes: Tensor) -> Tensor:
        """The updated nodes."""
        nodes = self.input_drop(nodes)
        hidden, _, _, back = pairwise_hidden(nodes, self.att_proj)
        weights = attention((hidden @ self.att_weight).squeeze(-1), back, self.temperature)
        return normalise(self.bn, self.proj_with_att(weights @ nodes) + self.proj_without_att(nodes))


class HeterogeneousGraphAttention(nn.Module):
    """Attention over the union of two kinds of nodes, with a master node that attends to all of them.

    Jung et al. 2022, section 3.2: pairs within the first kind, within the second kind and across have their own
    attention vector (both directions across share one). The master is updated from the nodes but never updates them.
    """

    def __init__(self, before: int, after: int, temperature: float, dropout: float) -> None:
        super().__init__()
        self.proj_type1 = nn.Linear(before, before)
        self.proj_type2 = nn.Linear(before, before)
        self.att_proj = nn.Linear(before, after)
        self.att_projM = nn.Linear(before, after)
        self.att_weight11 = attention_vector(after)
        self.att_weight22 = attention_vector(after)
        self.att_weight12 = attention_vector(after)
        self.att_weightM = attention_vector(after)
        self.proj_with_att = nn.Linear(before, after)
        self.proj_without_att = nn.Linear(before, after)
        self.proj_with_attM = nn.Linear(before, after)
        self.proj_without_attM = nn.Linear(before, after)
        self.bn = nn.BatchNorm1d(after)
        self.input_drop = nn.Dropout(dropout)
        self.temperature = temperature

    def forward(self, first: Tensor, second: Tensor, master: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Both kinds of nodes `(batch, nodes, after)` and the master `(batch, 1, after)`.

        `master` is `(batch, 1, before)`, or `(1, 1, before)` for the learnt one of the first layer of a branch.
        """
        sizes = [first.shape[1], second.shape[1]]
        nodes = self.input_drop(torch.cat([self.proj_type1(first), self.proj_type2(second)], dim=1))
        weights = self._weights(nodes, sizes[0])
        updated = normalise(self.bn, self.proj_with_att(weights @ nodes) + self.proj_without_att(nodes))
        left, right = updated.split(sizes, dim=1)
        return left, right, self._updated_master(nodes, master)

    def _weights(self, nodes: Tensor, firsts: int) -> Tensor:
        hidden, row, column, back = pairwise_hidden(nodes, self.att_proj)
        vectors = torch.cat([self.att_weight11, self.att_weight12, self.att_weight22], dim=1)
        # 0: both nodes of the first kind, 1: one of each, 2: both of the second
        kind = (row >= firsts).long() + (column >= firsts).long()
        logits = torch.take_along_dim(hidden @ vectors, kind[None, :, None], dim=-1).squeeze(-1)
        return attention(logits, back, self.temperature)

    def _updated_master(self, nodes: Tensor, master: Tensor) -> Tensor:
        logits = torch.tanh(self.att_projM(nodes * master)) @ self.att_weightM
        weights = torch.softmax(logits / self.temperature, dim=1)
        attended = weights.transpose(1, 2) @ nodes
        return self.proj_with_attM(attended) + self.proj_without_attM(master)


class GraphPool(nn.Module):
    """Keeps the highest-scoring part of the nodes: `(batch, nodes, size)` to `(batch, kept, size)`.

    `kept` is the whole part of nodes * ratio, at least 1. Jung et al. 2022, section 2.4 (after Gao and Ji 2019,
    "Graph U-Nets"): each node is scaled by the sigmoid of its own projection. The kept nodes come in falling order
    of score, which later element-wise maxima depend on.
    """

    def __init__(self, size: int, ratio: float, dropout: float) -> None:
        super().__init__()
        self.proj = nn.Linear(size, 1)
        self.drop = nn.Dropout(dropout)
        self.ratio = ratio

    def forward(self, nodes: Tensor) -> Tensor:
        """The kept nodes, scaled."""
        scores = torch.sigmoid(self.proj(self.drop(nodes)))
        kept = max(int(nodes.shape[1] * self.ratio), 1)
        chosen = scores.topk(kept, dim=1).indices
        return torch.take_along_dim(nodes * scores, chosen, dim=1)


class ResidualBlock(nn.Module):
    """`(batch, before, bands, frames)` to `(batch, after, bands, frames // pool)`.

    Jung et al. 2022, table 1: convolution, batch norm, SELU, convolution, sum with the input, max-pooling over time.
    The kernels are 2 bands by 3 frames; the first convolution adds one band by padding and the second takes it away.

    The published model has a batch norm `bn1` with SELU before the first convolution of every block but the first, and
    then passes the block's raw input on instead of their result. The published weights were trained so, hence `bn1`
    exists for the state dict only and is never run: its statistics stay as loaded and its weights get no gradient.
    """

    def __init__(self, before: int, after: int, *, first: bool, pool: int) -> None:
        super().__init__()
        if not first:
            self.bn1 = nn.BatchNorm2d(before)
        self.conv1 = nn.Conv2d(before, after, (2, 3), padding=(1, 1))
        self.bn2 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, (2, 3), padding=(0, 1))
        self.conv_downsample = nn.Conv2d(before, after, (1, 3), padding=(0, 1)) if before != after else None
        self.pool = pool

    def forward(self, picture: Tensor) -> Tensor:
        """The block's output; `pool` 1 leaves the frames as they are."""
        hidden = functional.selu(self.bn2(self.conv1(picture)), inplace=True)
        shortcut = picture if self.conv_downsample is None else self.conv_downsample(picture)
        total = self.conv2(hidden).add_(shortcut)
        return functional.max_pool2d(total, (1, self.pool)) if self.pool > 1 else total


def residual_encoder(channels: Sequence[int], *, pool: int) -> nn.Sequential:
    """One block for each of `channels`, on a picture of one channel; the published names are N.0.*, hence the nesting.

    Its weights lie channels last: 0.40 s against 0.67 s an item of 32,000 samples, forward and backward, AASIST-L, one
    core of a 2-core x86 CPU (64,600 samples: 1.0 against 1.6; scoring 0.17 and 0.39).
    """
    before = (1, *channels[:-1])
    blocks = [
        nn.Sequential(ResidualBlock(inner, outer, first=index == 0, pool=pool))
        for index, (inner, outer) in enumerate(zip(before, channels, strict=True))
    ]
    return nn.Sequential(*blocks).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


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
