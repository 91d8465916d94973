"""The network of AASIST on the frames of a speech encoder: projection, residual encoder, attention, graph half."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional

from grid.backends._aasist_graph import AasistGraph
from grid.backends._residual import residual_encoder
from grid.errors import RequestError

if TYPE_CHECKING:
    from grid.backends.w2v2_aasist import W2v2AasistOptions

POOL = 3


class W2v2AasistNetwork(AasistGraph):
    """Frames `(batch, frames, size)` to logits `(batch, outputs)`.

    Tak, Todisco, Wang, Jung, Yamagishi, Evans, "Automatic speaker verification spoofing and deepfake detection using
    wav2vec 2.0 and data augmentation", Odyssey 2022. It differs from AASIST on the waveform (Jung et al.
    2022): the picture is a projection of the frames, and may be negative; the residual blocks keep its length; its
    nodes are sums weighted by attention, where AASIST takes maxima.

    The names and shapes of the state dict are those of the published one less its speech encoder.
    """

    def __init__(self, options: W2v2AasistOptions, size: int) -> None:
        super().__init__(options, spectral_nodes=options.bands // POOL)
        channels, inner = options.encoder_channels[-1], options.attention_channels
        self.LL = nn.Linear(size, options.bands)
        self.first_bn = nn.BatchNorm2d(1)
        self.encoder = residual_encoder(options.encoder_channels, pool=1)
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
