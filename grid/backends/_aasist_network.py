"""The network of AASIST on the raw waveform: fixed sinc filters, residual encoder, graph half."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional

from grid.backends._aasist_graph import AasistGraph
from grid.backends._residual import residual_encoder
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
        super().__init__(options, spectral_nodes=options.sinc_filters // POOL)
        self.conv_time = SincFilters(options.sinc_filters, options.sinc_taps)
        self.first_bn = nn.BatchNorm2d(1)
        self.encoder = residual_encoder(options.encoder_channels, pool=POOL)
        self.shortest = options.sinc_taps - 1 + POOL ** (len(self.encoder) + 1)

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
