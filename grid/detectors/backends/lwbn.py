"""LWBN: the options of the layer-wise bottleneck over all hidden states of a speech encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from grid.core.errors import RequestError
from grid.detectors.contract import BACKENDS, Backend, Features, PluginOptions

if TYPE_CHECKING:
    from torch import nn


class LwbnOptions(PluginOptions):
    """The defaults are the published LWBN: 473,600 parameters on 25 hidden states of 1,024 values."""

    layers: int = Field(default=25, ge=1, description="hidden states of the encoder, its input embedding included")
    heads: int = Field(default=8, ge=1, description="attention vectors of each layer that weight its frames")
    bottleneck: int = Field(default=256, ge=1, description="values that an utterance becomes in each layer")
    dropout: float = Field(default=0.2, ge=0, lt=1, description="dropout on what enters the bottleneck")


@BACKENDS.register("lwbn")
class Lwbn(Backend[LwbnOptions]):
    """Xiao and Vu 2025, "Layer-Wise Decision Fusion for Fake Audio Detection Using XLS-R": layer-wise bottleneck."""

    Options = LwbnOptions
    revision = 1
    accepts = "layers"
    head = "cosines"

    @property
    def outputs(self) -> int:
        """One cosine for each layer."""
        return self.options.layers

    def build(self, features: Features) -> nn.Module:
        """The network for `features.layers` layers of `features.size` values, freshly initialised.

        Raises RequestError when the frontend's number of layers differs from the option.
        """
        from grid.detectors.networks.lwbn import LwbnNetwork

        if features.layers != self.options.layers:
            raise RequestError(
                f"backend 'lwbn' has layers: {self.options.layers}, but the frontend gives {features.layers}; "
                f"set the backend's option layers: {features.layers}"
            )
        return LwbnNetwork(features.size, **self.options.model_dump())
