"""AASIST and AASIST-L: what can be chosen about the graph-attention detector on the raw waveform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from grid.backends import BACKENDS
from grid.backends._aasist_options import AasistGraphOptions
from grid.backends.contract import Backend
from grid.frontends.contract import Features

if TYPE_CHECKING:
    from torch import nn


class AasistOptions(AasistGraphOptions):
    """The hyper-parameters of Jung et al. 2022; the defaults are the published AASIST."""

    sinc_filters: int = Field(
        default=70, ge=3, description="band-pass filters of the first layer; a third of them are nodes"
    )
    sinc_taps: int = Field(default=129, ge=3, description="length of each filter in samples at 16 kHz; odd")


@BACKENDS.register("aasist")
class Aasist(Backend[AasistOptions]):
    """Jung et al. 2022, "AASIST: Audio anti-spoofing using integrated spectro-temporal graph attention networks"."""

    Options = AasistOptions
    revision = 1
    accepts = "waveform"

    @property
    def outputs(self) -> int:
        """The number of logits."""
        return self.options.outputs

    def build(self, features: Features) -> nn.Module:
        """The network, freshly initialised."""
        from grid.backends._aasist_network import AasistNetwork

        return AasistNetwork(self.options)
