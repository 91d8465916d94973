"""Nes2Net-X: the options of nested Res2Net blocks over a speech encoder's frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from grid.core.errors import RequestError
from grid.detectors.contract import BACKENDS, Backend, Features, PluginOptions

if TYPE_CHECKING:
    from torch import nn


class Nes2NetXOptions(PluginOptions):
    """The defaults are the published Nes2Net-X: 512,039 parameters on frames of 1,024 values, 291,019 on 768.

    The ASVspoof 5 branch of the authors' code has dilation 1.
    """

    groups: int = Field(default=8, ge=2, description="groups that the values of a frame are split into (outer nest)")
    scale: int = Field(default=8, ge=2, description="slices that each group is split into (inner nest)")
    kernel: int = Field(default=3, ge=1, description="frames that a convolution of the inner nest sees; odd")
    dilation: int = Field(default=2, ge=1, description="frames between those that it sees")
    squeeze_ratio: int = Field(default=1, ge=1, description="divides the inner channels of squeeze and excitation")
    outputs: Literal[1, 2] = Field(default=2, description="logits: 2 (spoof, bona fide) as published, or 1")


@BACKENDS.register("nes2net-x")
class Nes2NetX(Backend[Nes2NetXOptions]):
    """Liu et al. 2025, "Nes2Net: A lightweight nested architecture ... for speech anti-spoofing" (arXiv 2504.05657)."""

    Options = Nes2NetXOptions
    revision = 1
    accepts = "frames"

    @property
    def outputs(self) -> int:
        """The number of logits."""
        return self.classes or self.options.outputs

    def check(self, features: Features) -> None:
        """Raises RequestError for frames that cannot be split, and for options that leave no channel or no centre."""
        options = self.options
        parts = options.groups * options.scale
        if features.size % parts:
            raise RequestError(
                f"backend 'nes2net-x' splits a frame into {parts} parts (groups {options.groups} x scale "
                f"{options.scale}), but the frontend's frames have {features.size} values; choose groups and scale "
                f"whose product divides {features.size}, or an encoder whose size is a multiple of {parts}"
            )
        if options.kernel % 2 == 0:
            raise RequestError(f"backend 'nes2net-x': kernel must be odd, not {options.kernel}")
        if features.size // options.groups % options.squeeze_ratio:
            raise RequestError(
                f"backend 'nes2net-x': squeeze_ratio {options.squeeze_ratio} does not divide the "
                f"{features.size // options.groups} values of a group"
            )

    def build(self, features: Features) -> nn.Module:
        """The network for frames of `features.size` values, freshly initialised; RequestError as `check`."""
        from grid.detectors.networks.nes2net_x import Nes2NetXNetwork

        self.check(features)
        return Nes2NetXNetwork(features.size, **self.network_options())
