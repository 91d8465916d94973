"""The options that every AASIST has: the widths of its residual encoder and all of its graph half."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from grid.frontends.contract import PluginOptions


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
