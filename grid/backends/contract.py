"""What a backend declares: its options, its revision, the features it takes, and how its network is built."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, Literal

from grid.frontends.contract import FeatureKind, Features, OptionsT, PluginOptions

if TYPE_CHECKING:
    from torch import nn


Head = Literal["logits", "cosines"]
"""What the outputs are: `logits`, for cross-entropy, or `cosines` to a centre of bona fide speech, for OC-softmax."""


@dataclass(frozen=True)
class Backend(ABC, Generic[OptionsT]):
    """Features to outputs `(batch, outputs)`.

    With the head `logits` two (spoof, bona fide) or one (higher is more bona fide); with `cosines` one for each layer
    of the encoder, each in -1 .. 1, near 1 for bona fide.

    The declaration imports no torch, so a plan over hundreds of cells stays quick; `build` does.
    Raise `revision` by hand whenever the same options and seed would give other logits.
    """

    Options: ClassVar[type[PluginOptions]]
    revision: ClassVar[int]
    accepts: ClassVar[FeatureKind]
    head: ClassVar[Head] = "logits"

    options: OptionsT

    @property
    @abstractmethod
    def outputs(self) -> int:
        """The number of outputs: 1 or 2 logits, or as many cosines as there are layers."""

    @abstractmethod
    def build(self, features: Features) -> nn.Module:
        """The network for features of this shape, freshly initialised from torch's current generator."""
