"""RAPTOR: the options of the head of DF-Arena on all hidden states of a speech encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from grid.core.errors import RequestError
from grid.detectors.contract import BACKENDS, Backend, Features, PluginOptions

if TYPE_CHECKING:
    from torch import nn


class RaptorOptions(PluginOptions):
    """The defaults are those of DF-Arena's 500M and 1B."""

    blocks: int = Field(default=4, ge=1, description="conformer blocks")
    heads: int = Field(default=4, ge=1, description="attention heads of a block")
    feed_forward: int = Field(default=4, ge=1, description="inner size of a feed-forward module, in sizes of a frame")
    expansion: int = Field(default=2, ge=1, description="inner channels of the convolution, in sizes of a frame")
    kernel: int = Field(default=31, ge=1, description="frames that a convolution sees")
    outputs: Literal[1, 2] = Field(default=2, description="logits: 2 (spoof, bona fide) as published, or 1")


@BACKENDS.register("raptor")
class Raptor(Backend[RaptorOptions]):
    """Kulkarni, Dowerah, et al. 2026, "Do compact SSL backbones matter ...? A controlled study with RAPTOR"."""

    Options = RaptorOptions
    revision = 1
    accepts = "layers"

    @property
    def outputs(self) -> int:
        """The number of logits."""
        return self.classes or self.options.outputs

    def check(self, features: Features) -> None:
        """Raises RequestError for frames that cannot be split among the heads."""
        if features.size % self.options.heads:
            raise RequestError(
                f"backend 'raptor': heads {self.options.heads} does not divide the {features.size} values of a frame"
            )

    def build(self, features: Features) -> nn.Module:
        """The network for states of `features.size` values, freshly initialised; RequestError as `check`."""
        from grid.detectors.networks.raptor import RaptorNetwork

        self.check(features)
        return RaptorNetwork(features.size, **self.network_options())
