"""The interfaces of frontends and backends: options, revision, shape of features and outputs, and `build`.

waveforms (batch, samples) -> frontend -> features (`Features`) -> backend -> outputs (batch, outputs)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from grid.core.plugins import Registry
from grid.core.weight_file import WeightFile
from grid.core.weights import WeightFinder

if TYPE_CHECKING:
    from torch import Tensor, nn

FeatureKind = Literal["waveform", "frames", "layers"]

Head = Literal["logits", "cosines"]
"""The kind of outputs: `logits`, for cross-entropy, or `cosines` to a centre of bona fide speech, for OC-softmax."""


class PluginOptions(BaseModel):
    """The hyper-parameters of one frontend or backend: immutable; an unknown or wrongly typed one is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


@dataclass(frozen=True)
class Features:
    """The kind and shape of the features that a frontend passes to a backend.

    `waveform` is `(batch, samples)`; `frames` is `(batch, frames, size)`; `layers` is
    `(layers, batch, frames, size)`, the hidden states of a speech encoder with the input embedding first.
    """

    kind: FeatureKind
    size: int = 1
    layers: int = 1


OptionsT = TypeVar("OptionsT", bound=PluginOptions)


@dataclass(frozen=True)
class Frontend(ABC, Generic[OptionsT]):
    """Waveforms `(batch, samples)`, float32 at 16,000 Hz, to features.

    The declaration imports no torch, so that planning hundreds of cells stays fast; `build` does.
    Increase `revision` by hand whenever the same options give other features.
    """

    Options: ClassVar[type[PluginOptions]]
    revision: ClassVar[int]

    options: OptionsT

    @property
    @abstractmethod
    def features(self) -> Features:
        """The shape of the features under these options."""

    @property
    def shared_pass(self) -> dict[str, Any] | None:
        """The options that determine the pass of a frozen encoder, which detectors can share; None for a trainable one.

        Two frontends with equal values differ at most in `select` of their module, a `FrozenEncoder`.
        """
        return None

    @property
    def trained_encoder(self) -> str | None:
        """The name of the encoder that training changes together with the backend; None where there is none."""
        return None

    def weights(self) -> list[list[WeightFile]]:
        """The files that building the module reads, each as the choices that it can be, the preferred one first."""
        return []

    def missing(self) -> list[str]:
        """The files of `weights` that are not on this machine, a line for each; nothing is fetched."""
        finder = WeightFinder()
        return [
            finder.missing_message(choices[0])
            for choices in self.weights()
            if not any(finder.locate(choice) for choice in choices)
        ]

    @abstractmethod
    def build(self) -> nn.Module:
        """The module whose `forward(waveforms)` gives the features."""


class FrozenEncoder(Protocol):
    """The module of a frontend with a `shared_pass`: its `forward(waveforms)` is `select(encode(waveforms))`.

    Its attribute `encoder` is the encoder itself; another one with the same `shared_pass` may replace it.
    """

    encoder: nn.Module

    def encode(self, waveforms: Tensor) -> Tensor:
        """Hidden states `(layers, batch, frames, size)` of waveforms `(batch, samples)`, without gradients."""

    def select(self, hidden: Tensor) -> Tensor:
        """The features that this detector's backend takes, from the result of `encode`; copies nothing."""


FRONTENDS: Registry[type[Frontend[Any]]] = Registry(kind="frontend", package="grid.detectors.frontends")


@dataclass(frozen=True)
class Backend(ABC, Generic[OptionsT]):
    """Features to outputs `(batch, outputs)`.

    With the head `logits` there are two (spoof, bona fide) or one (higher is more bona fide), or one for each of
    `classes`; with `cosines` one for each layer of the encoder, in -1 .. 1, near 1 for bona fide.

    The declaration imports no torch, so that planning hundreds of cells stays fast; `build` does.
    Increase `revision` by hand whenever the same options and seed give other logits.
    """

    Options: ClassVar[type[PluginOptions]]
    revision: ClassVar[int]
    accepts: ClassVar[FeatureKind]
    head: ClassVar[Head] = "logits"
    counted_part: ClassVar[str | None] = None
    """The submodule whose parameters its publication counts, where that is not the whole network."""

    options: OptionsT
    classes: int | None = None
    """The number of classes of a policy of several outputs; None for detection, with outputs as the options have them.
    A backend that cannot give that many logits leaves `outputs` as it is, and is refused."""

    @property
    @abstractmethod
    def outputs(self) -> int:
        """The number of outputs: `classes`, else 1 or 2 logits, or as many cosines as there are layers."""

    def network_options(self) -> dict[str, Any]:
        """All options by name, with `outputs` as the network is to have them."""
        return self.options.model_dump() | {"outputs": self.outputs}

    def check(self, features: Features) -> None:
        """Raises RequestError when features of this shape, or the options together, do not fit; needs no torch."""

    @abstractmethod
    def build(self, features: Features) -> nn.Module:
        """The network for features of this shape, freshly initialised from torch's current generator."""


BACKENDS: Registry[type[Backend[Any]]] = Registry(kind="backend", package="grid.detectors.backends")
