"""AUX: what a member is asked for beside reconstruction; these heads are used in training and then thrown away."""

from __future__ import annotations

import math
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
    (Ganin and Lempitsky 2015), learns to keep it from succeeding. The gradient of a crop whose classifier does no
    better than chance is not reversed but stopped: a loss that may grow without end can be made to by latents that
    grow without end, which left a member at STOI 0.47 where its neighbours have 0.8.
    """

    def __init__(self, width: int, speakers: int) -> None:
        super().__init__()
        self.of_vector = nn.Linear(SCALARS, speakers)
        self.of_frame = nn.Sequential(nn.Linear(width, HIDDEN), nn.GELU())
        self.of_frames = nn.Linear(HIDDEN, speakers)

    def forward(self, coded: Coded, recorded: torch.Tensor, speakers: torch.Tensor) -> torch.Tensor:
        assert coded.utterance is not None
        latents = coded.quantised.latents
        told = nn.functional.cross_entropy(self.of_vector(coded.utterance), speakers)
        return told + nn.functional.cross_entropy(
            self._heard(_reversed(latents, self._known(latents, speakers))), speakers
        )

    def _heard(self, latents: torch.Tensor) -> torch.Tensor:
        """What the frames' classifier says of the latents `(batch, frames, width)`: logits `(batch, speakers)`."""
        scores: torch.Tensor = self.of_frames(self.of_frame(latents).mean(dim=1))
        return scores

    @torch.no_grad()
    def _known(self, latents: torch.Tensor, speakers: torch.Tensor) -> torch.Tensor:
        """Which crops the frames' classifier tells better than chance, `(batch,)`."""
        surprise = nn.functional.cross_entropy(self._heard(latents), speakers, reduction="none")
        return surprise < math.log(self.of_frames.out_features)


class _Reverse(torch.autograd.Function):
    """The identity, whose gradient points the other way for the chosen items and is nothing for the others."""

    @staticmethod
    def forward(context: Any, value: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        context.save_for_backward(chosen)
        return value.view_as(value)

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        [chosen] = context.saved_tensors
        return -gradients[0] * chosen[:, None, None], None


def _reversed(value: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """`(batch, frames, width)`; `chosen` is `(batch,)`."""
    result: torch.Tensor = _Reverse.apply(value, chosen)
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
