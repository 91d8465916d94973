"""LCNN: the options of the light convolutional network over frames of features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from grid.detectors.contract import BACKENDS, Backend, Features, PluginOptions

if TYPE_CHECKING:
    from torch import nn


class LcnnOptions(PluginOptions):
    """The defaults are the published LCNN-LSTM-sum: 269,729 parameters on 60 features a frame."""

    channels: tuple[int, int, int, int, int] = Field(
        default=(32, 48, 64, 32, 32),
        strict=False,
        description="channels after each of the five 5x5 or 3x3 convolutions",
    )
    recurrent: bool = Field(
        default=True, description="two bidirectional LSTM layers, added to what they read; false = neither"
    )
    dropout: float = Field(default=0.7, ge=0, lt=1, description="dropout on the last convolution's output")
    outputs: Literal[1, 2] = Field(default=1, description="logits: 1 (higher is more bona fide) as published, or 2")


@BACKENDS.register("lcnn")
class Lcnn(Backend[LcnnOptions]):
    """Lavrentyeva et al. 2019 in the form of Wang and Yamagishi 2021, "LCNN-LSTM-sum"."""

    Options = LcnnOptions
    revision = 1
    accepts = "frames"

    @property
    def outputs(self) -> int:
        """The number of logits."""
        return self.classes or self.options.outputs

    def build(self, features: Features) -> nn.Module:
        """The network for `features.size` values a frame, freshly initialised."""
        from grid.detectors.networks.lcnn import LcnnNetwork

        return LcnnNetwork(features.size, **self.network_options())
