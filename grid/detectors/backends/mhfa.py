"""MHFA: the options of multi-head factorised attentive pooling over all hidden states of a speech encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from grid.detectors.contract import BACKENDS, Backend, Features, PluginOptions

if TYPE_CHECKING:
    from torch import nn


class MhfaOptions(PluginOptions):
    """The defaults are those of WeDefense's anti-spoofing recipes, which took MHFA over from speaker verification.

    On 25 hidden states of 1,024 values they give an embedding by 1,315,410 parameters; 8 heads need 525,882.
    """

    heads: int = Field(default=32, ge=1, description="attention heads, each a weighted mean of the frames")
    compression: int = Field(default=128, ge=1, description="values that keys and values of a frame are projected to")
    embedding: int = Field(default=256, ge=1, description="values that an utterance becomes before the last layer")
    outputs: Literal[1, 2] = Field(default=2, description="logits: 2 (spoof, bona fide) as published, or 1")


@BACKENDS.register("mhfa")
class Mhfa(Backend[MhfaOptions]):
    """Peng et al. 2022, "An attention-based backend allowing efficient fine-tuning of transformer models" (SLT)."""

    Options = MhfaOptions
    revision = 1
    accepts = "layers"
    counted_part = "pooling"

    @property
    def outputs(self) -> int:
        """The number of logits."""
        return self.classes or self.options.outputs

    def build(self, features: Features) -> nn.Module:
        """The network for `features.layers` hidden states of `features.size` values, freshly initialised."""
        from grid.detectors.networks.mhfa import MhfaNetwork

        return MhfaNetwork(features.size, layers=features.layers, **self.network_options())
