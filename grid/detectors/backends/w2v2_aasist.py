"""W2V2-AASIST and X-AASIST: the options of the graph-attention backend on a speech encoder's frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from grid.detectors.backends.aasist import AasistGraphOptions
from grid.detectors.contract import BACKENDS, Backend, Features

if TYPE_CHECKING:
    from torch import nn


class W2v2AasistOptions(AasistGraphOptions):
    """The hyper-parameters of Tak et al. 2022; the defaults are the published ones, 447,242 parameters on XLS-R.

    X-AASIST is the same with `temporal_ratio: 0.7` and `outputs: 1`.
    """

    bands: int = Field(default=128, ge=3, description="values that a frame is projected to; a third of them are nodes")
    attention_channels: int = Field(
        default=128, ge=1, description="inner channels of the attention that pools the picture into nodes"
    )
    temporal_ratio: float = Field(default=0.5, gt=0, le=1, description="part of the temporal nodes that pooling keeps")


@BACKENDS.register("w2v2-aasist")
class W2v2Aasist(Backend[W2v2AasistOptions]):
    """Tak, Todisco, Wang, Jung, Yamagishi, Evans 2022: AASIST on wav2vec 2.0 (Odyssey)."""

    Options = W2v2AasistOptions
    revision = 1
    accepts = "frames"

    @property
    def outputs(self) -> int:
        """The number of logits."""
        return self.classes or self.options.outputs

    def build(self, features: Features) -> nn.Module:
        """The network for frames of `features.size` values, freshly initialised."""
        from grid.detectors.networks.aasist import W2v2AasistNetwork

        return W2v2AasistNetwork(features.size, **self.network_options())
