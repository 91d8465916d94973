"""The raw frontend: the waveform itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grid.detectors.contract import FRONTENDS, Features, Frontend, PluginOptions

if TYPE_CHECKING:
    from torch import nn


class RawOptions(PluginOptions):
    """No options: level and crop belong to the detector's input and to the recipe."""


@FRONTENDS.register("raw")
class Raw(Frontend[RawOptions]):
    """Passes the waveform `(batch, samples)` on unchanged."""

    Options = RawOptions
    revision = 1

    @property
    def features(self) -> Features:
        """The waveform."""
        return Features("waveform")

    def build(self) -> nn.Module:
        """The identity."""
        from torch import nn

        return nn.Identity()
