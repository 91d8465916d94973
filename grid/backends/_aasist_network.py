"""The network of AASIST on the raw waveform: fixed sinc filters, residual encoder, graph half."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from grid.backends._aasist_graph import AasistGraph, GraphSizes
from grid.backends._residual import ResidualBlock
from grid.backends._sinc import SincFilters
from grid.errors import RequestError

if TYPE_CHECKING:
    from grid.backends.aasist import AasistOptions

POOL = 3


class AasistNetwork(AasistGraph):
    """Waveforms `(batch, samples)` to logits `(batch, outputs)`; Jung et al. 2022, table 1.

    The state dict has the names and shapes of the published one: 229 tensors.
    """

    def __init__(self, options: AasistOptions) -> None:
        super().__init__(_graph_sizes(options))
        self.conv_time = SincFilters(options.sinc_filters, options.sinc_taps)
        self.first_bn = nn.BatchNorm2d(1)
        before = (1, *options.encoder_channels[:-1])
        blocks = [
            ResidualBlock(inner, outer, first=index == 0, pool=POOL)
            for index, (inner, outer) in enumerate(zip(before, options.encoder_channels, strict=True))
        ]
        # The published names are encoder.N.0.*: each block sits alone in a sequence.
        self.encoder = nn.Sequential(*(nn.Sequential(block) for block in blocks))
        # Channels last: 0.40 s against 0.67 s an item of 32,000 samples, forward and backward, AASIST-L, one core of a
        # 2-core x86 CPU (64,600 samples: 1.0 against 1.6; scoring 0.17 and 0.39).
        self.encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.shortest = options.sinc_taps - 1 + POOL ** (len(blocks) + 1)

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


def _graph_sizes(options: AasistOptions) -> GraphSizes:
    return GraphSizes(
        spectral_nodes=options.sinc_filters // POOL,
        channels=options.encoder_channels[-1],
        graph_size=options.graph_size,
        heterogeneous_size=options.heterogeneous_size,
        spectral_ratio=options.spectral_ratio,
        temporal_ratio=options.temporal_ratio,
        heterogeneous_ratio=options.heterogeneous_ratio,
        spectral_temperature=options.spectral_temperature,
        temporal_temperature=options.temporal_temperature,
        heterogeneous_temperature=options.heterogeneous_temperature,
        node_dropout=options.node_dropout,
        pool_dropout=options.pool_dropout,
        branch_dropout=options.branch_dropout,
        output_dropout=options.output_dropout,
        outputs=options.outputs,
    )
