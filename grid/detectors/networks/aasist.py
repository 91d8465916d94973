"""The networks of AASIST on the raw waveform and of W2V2-AASIST on frames, with the graph part that they share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from grid.core.errors import RequestError
from grid.detectors.networks.aasist_layers import (
    GraphAttention,
    GraphPool,
    HeterogeneousGraphAttention,
    SincFilters,
    residual_encoder,
)

POOL = 3
"""The max-pooling of the first layer's output, over bands and over time."""


class AasistGraph(nn.Module):
    """The graph part of the AASIST networks: `read_out` turns two sets of nodes into logits.

    Jung et al. 2022, sections 3.2 to 3.4. A base class, not a submodule, because the parameter names are those of the
    published state dicts.
    """

    def __init__(
        self,
        spectral_nodes: int,
        *,
        encoder_channels: Sequence[int],
        graph_size: int,
        heterogeneous_size: int,
        spectral_ratio: float,
        temporal_ratio: float,
        heterogeneous_ratio: float,
        spectral_temperature: float,
        temporal_temperature: float,
        heterogeneous_temperature: float,
        node_dropout: float,
        pool_dropout: float,
        branch_dropout: float,
        output_dropout: float,
        outputs: int,
    ) -> None:
        """The arguments are the options of `grid.detectors.backends.aasist.AasistGraphOptions`."""
        super().__init__()
        channels, graph, mixed = encoder_channels[-1], graph_size, heterogeneous_size
        self.pos_S = nn.Parameter(torch.randn(1, spectral_nodes, channels))
        self.master1 = nn.Parameter(torch.randn(1, 1, graph))
        self.master2 = nn.Parameter(torch.randn(1, 1, graph))
        self.GAT_layer_S = GraphAttention(channels, graph, spectral_temperature, node_dropout)
        self.GAT_layer_T = GraphAttention(channels, graph, temporal_temperature, node_dropout)
        heat = heterogeneous_temperature
        self.HtrgGAT_layer_ST11 = HeterogeneousGraphAttention(graph, mixed, heat, node_dropout)
        self.HtrgGAT_layer_ST12 = HeterogeneousGraphAttention(mixed, mixed, heat, node_dropout)
        self.HtrgGAT_layer_ST21 = HeterogeneousGraphAttention(graph, mixed, heat, node_dropout)
        self.HtrgGAT_layer_ST22 = HeterogeneousGraphAttention(mixed, mixed, heat, node_dropout)
        self.pool_S = GraphPool(graph, spectral_ratio, pool_dropout)
        self.pool_T = GraphPool(graph, temporal_ratio, pool_dropout)
        self.pool_hS1 = GraphPool(mixed, heterogeneous_ratio, pool_dropout)
        self.pool_hT1 = GraphPool(mixed, heterogeneous_ratio, pool_dropout)
        self.pool_hS2 = GraphPool(mixed, heterogeneous_ratio, pool_dropout)
        self.pool_hT2 = GraphPool(mixed, heterogeneous_ratio, pool_dropout)
        self.drop_way = nn.Dropout(branch_dropout)
        self.drop = nn.Dropout(output_dropout)
        self.out_layer = nn.Linear(5 * mixed, outputs)

    def read_out(self, spectral: Tensor, temporal: Tensor) -> Tensor:
        """Logits `(batch, outputs)` from nodes `(batch, bands, channels)` and `(batch, frames, channels)`.

        Two branches of two heterogeneous layers take the same nodes; their element-wise maximum is pooled by maximum
        of the magnitude and by mean, and joined with the master node.
        """
        spectral = self.pool_S(self.GAT_layer_S(spectral + self.pos_S))
        temporal = self.pool_T(self.GAT_layer_T(temporal))
        first = self._branch(
            (temporal, spectral, self.master1),
            (self.HtrgGAT_layer_ST11, self.HtrgGAT_layer_ST12),
            (self.pool_hT1, self.pool_hS1),
        )
        second = self._branch(
            (temporal, spectral, self.master2),
            (self.HtrgGAT_layer_ST21, self.HtrgGAT_layer_ST22),
            (self.pool_hT2, self.pool_hS2),
        )
        temporal, spectral, master = (torch.maximum(a, b) for a, b in zip(first, second, strict=True))
        parts = [temporal.abs().amax(1), temporal.mean(1), spectral.abs().amax(1), spectral.mean(1), master.squeeze(1)]
        logits: Tensor = self.out_layer(self.drop(torch.cat(parts, dim=1)))
        return logits

    def _branch(
        self,
        nodes: tuple[Tensor, Tensor, Tensor],
        layers: tuple[HeterogeneousGraphAttention, HeterogeneousGraphAttention],
        pools: tuple[GraphPool, GraphPool],
    ) -> tuple[Tensor, Tensor, Tensor]:
        temporal, spectral, master = layers[0](*nodes)
        temporal, spectral = pools[0](temporal), pools[1](spectral)
        more_temporal, more_spectral, more_master = layers[1](temporal, spectral, master)
        return (
            self.drop_way(temporal + more_temporal),
            self.drop_way(spectral + more_spectral),
            self.drop_way(master + more_master),
        )


class AasistNetwork(AasistGraph):
    """Waveforms `(batch, samples)` to logits `(batch, outputs)`; Jung et al. 2022, table 1.

    The state dict has the names and shapes of the published one: 229 tensors.
    """

    def __init__(self, *, sinc_filters: int, sinc_taps: int, encoder_channels: Sequence[int], **graph: Any) -> None:
        """`graph` are the other arguments of `AasistGraph`."""
        super().__init__(sinc_filters // POOL, encoder_channels=encoder_channels, **graph)
        self.conv_time = SincFilters(sinc_filters, sinc_taps)
        self.first_bn = nn.BatchNorm2d(1)
        self.encoder = residual_encoder(encoder_channels, pool=POOL)
        self.shortest = sinc_taps - 1 + POOL ** (len(self.encoder) + 1)

    def forward(self, waveforms: Tensor) -> Tensor:
        """The logits; raises RequestError when the waveforms are too short to leave one temporal node."""
        if waveforms.shape[-1] < self.shortest:
            raise RequestError(
                f"AASIST needs at least {self.shortest} samples, not {waveforms.shape[-1]}; use a longer crop"
            )
        picture = functional.max_pool2d(self.conv_time(waveforms).abs().unsqueeze(1), POOL)
        picture = functional.selu(self.first_bn(picture), inplace=True)
        magnitude = self.encoder(picture).abs()
        return self.read_out(magnitude.amax(3).transpose(1, 2), magnitude.amax(2).transpose(1, 2))


class W2v2AasistNetwork(AasistGraph):
    """Frames `(batch, frames, size)` to logits `(batch, outputs)`.

    Tak, Todisco, Wang, Jung, Yamagishi, Evans, "Automatic speaker verification spoofing and deepfake detection using
    wav2vec 2.0 and data augmentation", Odyssey 2022. It differs from AASIST on the waveform (Jung et al.
    2022): the picture is a projection of the frames, and may be negative; the residual blocks keep its length; its
    nodes are sums weighted by attention, where AASIST takes maxima.

    The state dict has the names and shapes of the published one without its speech encoder.
    """

    def __init__(
        self, size: int, *, bands: int, attention_channels: int, encoder_channels: Sequence[int], **graph: Any
    ) -> None:
        """`graph` are the other arguments of `AasistGraph`."""
        super().__init__(bands // POOL, encoder_channels=encoder_channels, **graph)
        channels, inner = encoder_channels[-1], attention_channels
        self.LL = nn.Linear(size, bands)
        self.first_bn = nn.BatchNorm2d(1)
        self.encoder = residual_encoder(encoder_channels, pool=1)
        self.first_bn1 = nn.BatchNorm2d(channels)
        self.attention = nn.Sequential(
            nn.Conv2d(channels, inner, 1), nn.SELU(inplace=True), nn.BatchNorm2d(inner), nn.Conv2d(inner, channels, 1)
        )

    def forward(self, frames: Tensor) -> Tensor:
        """The logits; raises RequestError when the frames are too few to leave one temporal node."""
        if frames.shape[1] < POOL:
            raise RequestError(f"W2V2-AASIST needs at least {POOL} frames, not {frames.shape[1]}; use a longer crop")
        picture = functional.max_pool2d(self.LL(frames).transpose(1, 2).unsqueeze(1), POOL)
        picture = functional.selu(self.first_bn(picture), inplace=True)
        picture = functional.selu(self.first_bn1(self.encoder(picture)), inplace=True)
        weights = self.attention(picture)
        spectral = (picture * weights.softmax(3)).sum(3)
        temporal = (picture * weights.softmax(2)).sum(2)
        return self.read_out(spectral.transpose(1, 2), temporal.transpose(1, 2))
