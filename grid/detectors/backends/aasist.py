"""AASIST and AASIST-L: the options of the graph-attention backend on the raw waveform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from grid.detectors.contract import BACKENDS, Backend, Features, PluginOptions

if TYPE_CHECKING:
    from torch import nn


class AasistGraphOptions(PluginOptions):
    """The hyper-parameters of Jung et al. 2022 behind the first layer; the defaults are the published AASIST.

    The fourth pool ratio and the fourth temperature of the published configuration files have no effect there, and
    are no options here.
    """

    encoder_channels: tuple[int, int, int, int, int, int] = Field(
        default=(32, 32, 64, 64, 64, 64), strict=False, description="output channels of the six residual blocks"
    )
    graph_size: int = Field(
        default=64, ge=1, description="size of a node after the spectral and temporal graph attention"
    )
    heterogeneous_size: int = Field(default=32, ge=1, description="size of a node after the heterogeneous layers")
    spectral_ratio: float = Field(default=0.5, gt=0, le=1, description="part of the spectral nodes that pooling keeps")
    temporal_ratio: float = Field(default=0.7, gt=0, le=1, description="part of the temporal nodes that pooling keeps")
    heterogeneous_ratio: float = Field(default=0.5, gt=0, le=1, description="part kept by all four later poolings")
    spectral_temperature: float = Field(default=2.0, gt=0, description="divides the spectral attention logits")
    temporal_temperature: float = Field(default=2.0, gt=0, description="divides the temporal attention logits")
    heterogeneous_temperature: float = Field(
        default=100.0, gt=0, description="divides the heterogeneous attention logits"
    )
    node_dropout: float = Field(
        default=0.2, ge=0, lt=1, description="dropout on the nodes that enter an attention layer"
    )
    pool_dropout: float = Field(default=0.3, ge=0, lt=1, description="dropout on what a pooling scores")
    branch_dropout: float = Field(default=0.2, ge=0, lt=1, description="dropout on the output of each branch")
    output_dropout: float = Field(default=0.5, ge=0, lt=1, description="dropout before the last layer")
    outputs: Literal[1, 2] = Field(default=2, description="logits: 2 (spoof, bona fide) as published, or 1")


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
        return self.classes or self.options.outputs

    def build(self, features: Features) -> nn.Module:
        """The network, freshly initialised."""
        from grid.detectors.networks.aasist import AasistNetwork

        return AasistNetwork(**self.network_options())
