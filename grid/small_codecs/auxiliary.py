"""AUX: what a member is asked for beside reconstruction; these heads are used in training and then thrown away."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import nn

from grid.errors import RequestError
from grid.small_codecs.network import Coded
from grid.small_codecs.spec import CodecSpec
from grid.small_codecs.speech import Speech
from grid.small_codecs.units import UNITS, Units
from grid.small_codecs.utterance import SCALARS

HIDDEN = 128


class Auxiliary(nn.Module, ABC):
    """An objective on the codes; `prepare` runs once, before the first step."""

    def prepare(self, speech: Speech, seed: int) -> None:
        """Learn from the speech what the objective needs before training."""

    @abstractmethod
    def forward(self, coded: Coded, recorded: torch.Tensor, speakers: torch.Tensor) -> torch.Tensor:
        """The loss, a scalar, of a batch: samples `(batch, 160 * frames)`, speaker numbers `(batch,)`."""


class Nothing(Auxiliary):
    """`None`: reconstruction alone."""

    def forward(self, coded: Coded, recorded: torch.Tensor, speakers: torch.Tensor) -> torch.Tensor:
        return recorded.new_zeros(())


class Semantic(Auxiliary):
    """`Sem`: the first token of a frame must tell its unit, as a distilled first codebook does in SpeechTokenizer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.units = Units()
        self.head = nn.Sequential(nn.Linear(width, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, UNITS))

    def prepare(self, speech: Speech, seed: int) -> None:
        self.units.fit(speech, seed)

    def forward(self, coded: Coded, recorded: torch.Tensor, speakers: torch.Tensor) -> torch.Tensor:
        told = self.head(coded.quantised.first)
        return nn.functional.cross_entropy(told.flatten(0, 1), self.units(recorded).flatten())


class Disentangled(Auxiliary):
    """`Disent`: the utterance's vector must tell the speaker, and the frames' codes must not.

    The frames' classifier learns to tell the speaker from the latents while the codec, behind a reversed gradient
    (Ganin and Lempitsky 2015), learns to keep it from succeeding.
    """

    def __init__(self, width: int, speakers: int) -> None:
        super().__init__()
        self.of_vector = nn.Linear(SCALARS, speakers)
        self.of_frame = nn.Sequential(nn.Linear(width, HIDDEN), nn.GELU())
        self.of_frames = nn.Linear(HIDDEN, speakers)

    def forward(self, coded: Coded, recorded: torch.Tensor, speakers: torch.Tensor) -> torch.Tensor:
        assert coded.utterance is not None
        heard = self.of_frame(_reversed(coded.quantised.latents)).mean(dim=1)
        told = nn.functional.cross_entropy(self.of_vector(coded.utterance), speakers)
        return told + nn.functional.cross_entropy(self.of_frames(heard), speakers)


class _Reverse(torch.autograd.Function):
    """The identity, whose gradient points the other way."""

    @staticmethod
    def forward(context: Any, value: torch.Tensor) -> torch.Tensor:
        return value.view_as(value)

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> torch.Tensor:
        return -gradients[0]


def _reversed(value: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = _Reverse.apply(value)
    return result


def build_auxiliary(spec: CodecSpec, first_width: int, speech: Speech) -> Auxiliary:
    """The objective of a member; `first_width` is what its first token is wide.

    Raises RequestError when disentanglement is asked for and the speech has no two speakers.
    """
    if spec.auxiliary.kind == "semantic":
        return Semantic(first_width)
    if spec.auxiliary.kind == "disentangled":
        if len(speech.speakers) < 2:
            raise RequestError(
                f"small codec {spec.name}: disentanglement needs recordings of at least 2 speakers, "
                f"the corpus names {len(speech.speakers)}; choose a corpus with speakers or another member"
            )
        return Disentangled(spec.size.latent, len(speech.speakers))
    return Nothing()
