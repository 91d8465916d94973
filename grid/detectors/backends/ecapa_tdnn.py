"""ECAPA-TDNN: the options of the head of Spectra-0 on a speech encoder's frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from grid.core.errors import RequestError
from grid.detectors.contract import BACKENDS, Backend, Features, PluginOptions

if TYPE_CHECKING:
    from torch import nn


class EcapaTdnnOptions(PluginOptions):
    """The defaults are those of Spectra-0."""

    channels: int = Field(default=128, ge=8, description="channels of every block")
    scale: int = Field(default=8, ge=2, description="slices that a block convolves one after the other")
    pooled: int = Field(default=1536, ge=1, description="channels whose mean and deviation are taken")
    attention: int = Field(default=256, ge=1, description="inner channels of the weights of the frames")
    dropout: float = Field(default=0.1, ge=0, lt=1, description="dropout of the two layers before the blocks")
    outputs: Literal[1, 2] = Field(default=2, description="logits: 2 (spoof, bona fide) as published, or 1")


@BACKENDS.register("ecapa-tdnn")
class EcapaTdnn(Backend[EcapaTdnnOptions]):
    """Desplanques, Thienpondt, Demuynck 2020, "ECAPA-TDNN" (Interspeech), in the form of Spectra-0 (lab260, 2026)."""

    Options = EcapaTdnnOptions
    revision = 1
    accepts = "frames"

    @property
    def outputs(self) -> int:
        """The number of logits."""
        return self.classes or self.options.outputs

    def check(self, features: Features) -> None:
        """Raises RequestError for channels that cannot be split into `scale` slices."""
        options = self.options
        if options.channels % options.scale:
            raise RequestError(
                f"backend 'ecapa-tdnn': scale {options.scale} does not divide channels {options.channels}"
            )

    def build(self, features: Features) -> nn.Module:
        """The network for frames of `features.size` values, freshly initialised; RequestError as `check`."""
        from grid.detectors.networks.ecapa_tdnn import EcapaTdnnNetwork

        self.check(features)
        return EcapaTdnnNetwork(features.size, **self.network_options())
