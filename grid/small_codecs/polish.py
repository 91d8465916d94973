"""The second stage of a training: the decoder alone, so that speech gets back the level and the life of its bands.

The first stage's distances leave a member 5 to 9 dB too soft above 500 Hz, which every detector hears. Encoder and
codebooks stay as they are, and with them the codes: what the auxiliary objective did to them is not undone.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from grid.small_codecs.auxiliary import Nothing
from grid.small_codecs.moments import Moments
from grid.small_codecs.network import SmallCodec
from grid.small_codecs.progress import Losses
from grid.small_codecs.spec import CodecSpec, Polish
from grid.small_codecs.speech import Speech
from grid.small_codecs.stage import Stage


class PolishingStage(Stage):
    """Decoder of fixed codes -> Reconstruction + Moments. `model` is what the first stage released."""

    schedule: Polish

    def __init__(
        self,
        spec: CodecSpec,
        polish: Polish,
        speech: Speech,
        samples: dict[str, np.ndarray],
        device: torch.device,
        model: SmallCodec,
    ) -> None:
        model.requires_grad_(False).eval()
        for part in decoding_parts(model):
            part.requires_grad_(True)
        before = spec.training.steps
        super().__init__(spec, polish, speech, samples, device, model=model, auxiliary=Nothing(), before=before)
        self.moments = Moments().to(device)

    def prepare(self) -> None:
        """Nothing: the first stage is all it needs."""

    def losses(self, recorded: torch.Tensor, speakers: torch.Tensor) -> Losses:
        """Reconstruction and moments."""
        with torch.no_grad():
            codes, utterance = self.model.encode(recorded)
        decoded = self.model.decode(codes, utterance)
        terms = self.distance(decoded, recorded)
        moments = self.moments(decoded, recorded)
        nothing = moments.new_zeros(())
        loss = terms.weighted(self.schedule.loss) + self.schedule.moments * moments
        return Losses(loss, terms, commitment=nothing, auxiliary=nothing, moments=moments)


def decoding_parts(model: SmallCodec) -> list[nn.Module]:
    """What comes after the codes."""
    parts: list[nn.Module] = [model.widen, model.decoder, model.head]
    return parts if model.utterance is None else [*parts, model.utterance.modulation]
