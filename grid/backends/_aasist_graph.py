"""The graph half of AASIST: spectral and temporal nodes to logits. Raw-waveform and W2V2 variants share it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from grid.backends._graph_attention import GraphAttention, GraphPool, HeterogeneousGraphAttention

if TYPE_CHECKING:
    from grid.backends._aasist_options import AasistGraphOptions


class AasistGraph(nn.Module):
    """The base of the AASIST networks: `read_out` turns two sets of nodes into logits.

    Jung et al. 2022, sections 3.2 to 3.4. Parameter names are those of the published state dicts, which is why this
    is a base class and not a part.
    """

    def __init__(self, options: AasistGraphOptions, spectral_nodes: int) -> None:
        super().__init__()
        channels, graph, mixed = options.encoder_channels[-1], options.graph_size, options.heterogeneous_size
        self.pos_S = nn.Parameter(torch.randn(1, spectral_nodes, channels))
        self.master1 = nn.Parameter(torch.randn(1, 1, graph))
        self.master2 = nn.Parameter(torch.randn(1, 1, graph))
        dropout = options.node_dropout
        self.GAT_layer_S = GraphAttention(channels, graph, options.spectral_temperature, dropout)
        self.GAT_layer_T = GraphAttention(channels, graph, options.temporal_temperature, dropout)
        heat = options.heterogeneous_temperature
        self.HtrgGAT_layer_ST11 = HeterogeneousGraphAttention(graph, mixed, heat, dropout)
        self.HtrgGAT_layer_ST12 = HeterogeneousGraphAttention(mixed, mixed, heat, dropout)
        self.HtrgGAT_layer_ST21 = HeterogeneousGraphAttention(graph, mixed, heat, dropout)
        self.HtrgGAT_layer_ST22 = HeterogeneousGraphAttention(mixed, mixed, heat, dropout)
        self.pool_S = GraphPool(graph, options.spectral_ratio, options.pool_dropout)
        self.pool_T = GraphPool(graph, options.temporal_ratio, options.pool_dropout)
        self.pool_hS1 = GraphPool(mixed, options.heterogeneous_ratio, options.pool_dropout)
        self.pool_hT1 = GraphPool(mixed, options.heterogeneous_ratio, options.pool_dropout)
        self.pool_hS2 = GraphPool(mixed, options.heterogeneous_ratio, options.pool_dropout)
        self.pool_hT2 = GraphPool(mixed, options.heterogeneous_ratio, options.pool_dropout)
        self.drop_way = nn.Dropout(options.branch_dropout)
        self.drop = nn.Dropout(options.output_dropout)
        self.out_layer = nn.Linear(5 * mixed, options.outputs)

    def read_out(self, spectral: Tensor, temporal: Tensor) -> Tensor:
        """Logits `(batch, outputs)` from nodes `(batch, bands, channels)` and `(batch, frames, channels)`.

        Two branches of two heterogeneous layers see the same nodes; their element-wise maximum is pooled by maximum
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
        temporal, spectral, master = (torch.maximum(one, two) for one, two in zip(first, second, strict=True))
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
