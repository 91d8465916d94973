"""SLS: the options of sensitive layer selection over all transformer layers of a speech encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from grid.detectors.contract import BACKENDS, Backend, Features, PluginOptions

if TYPE_CHECKING:
    from torch import nn


class SlsOptions(PluginOptions):
    """The defaults are the published SLS: 23,399,429 parameters on 201 frames of 1,024 values."""

    frames: int = Field(
        default=201, ge=3, description="the one length it can score; 201 is 64,600 samples of XLS-R, 199 is 64,000"
    )
    hidden: int = Field(default=1024, ge=1, description="values of the layer before the last")


@BACKENDS.register("sls")
class Sls(Backend[SlsOptions]):
    """Zhang, Wen, Hu 2024, "Audio deepfake detection with self-supervised XLS-R and SLS classifier" (ACM MM)."""

    Options = SlsOptions
    revision = 1
    accepts = "layers"

    @property
    def outputs(self) -> int:
        """The number of log probabilities."""
        return self.classes or 2

    def build(self, features: Features) -> nn.Module:
        """The network for frames of `features.size` values, freshly initialised."""
        from grid.detectors.networks.sls import SlsNetwork

        return SlsNetwork(features.size, **self.network_options())
