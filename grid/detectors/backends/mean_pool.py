"""Mean pool: the options of a linear layer on the mean of a speech encoder's frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from grid.detectors.contract import BACKENDS, Backend, Features, PluginOptions

if TYPE_CHECKING:
    from torch import nn


class MeanPoolOptions(PluginOptions):
    """The default is that of AntiDeepfake: 2,050 parameters on frames of 1,024 values."""

    outputs: Literal[1, 2] = Field(default=2, description="logits: 2 (spoof, bona fide) as published, or 1")


@BACKENDS.register("mean-pool")
class MeanPool(Backend[MeanPoolOptions]):
    """Ge et al. 2025, "Post-training for deepfake speech detection" (AntiDeepfake): a mean and a linear layer."""

    Options = MeanPoolOptions
    revision = 1
    accepts = "frames"

    @property
    def outputs(self) -> int:
        """The number of logits."""
        return self.classes or self.options.outputs

    def build(self, features: Features) -> nn.Module:
        """The network for frames of `features.size` values, freshly initialised."""
        from grid.detectors.networks.mean_pool import MeanPoolNetwork

        return MeanPoolNetwork(features.size, **self.network_options())
