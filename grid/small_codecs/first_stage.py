"""The first stage of a training: the whole codec and its auxiliary objective, from random weights."""

from __future__ import annotations

import numpy as np
import torch

from grid.randomness import seed_number
from grid.small_codecs.auxiliary import Auxiliary, build_auxiliary
from grid.small_codecs.network import SmallCodec
from grid.small_codecs.progress import Losses
from grid.small_codecs.spec import CodecSpec
from grid.small_codecs.speech import Speech
from grid.small_codecs.stage import Stage
from grid.torch_stream import TorchStream


class FirstStage(Stage):
    """SmallCodec -> Reconstruction + commitment + Auxiliary."""

    auxiliary: Auxiliary

    def __init__(self, spec: CodecSpec, speech: Speech, samples: dict[str, np.ndarray], device: torch.device) -> None:
        start = TorchStream(device)
        start.seed(seed_number("small codec weights", spec.seed))
        with start:
            model = SmallCodec(spec.network)
            auxiliary = build_auxiliary(spec, model.quantiser.first_width, speech)
        super().__init__(spec, spec.training, speech, samples, device, model=model, auxiliary=auxiliary, before=0)

    def prepare(self) -> None:
        """The units of a semantic objective."""
        self.auxiliary.cpu()
        self.auxiliary.prepare(self.speech, self.spec.seed)
        self.auxiliary.to(self.device)

    def losses(self, recorded: torch.Tensor, speakers: torch.Tensor) -> Losses:
        """Reconstruction, commitment and auxiliary objective."""
        weights = self.schedule.loss
        coded = self.model(recorded)
        terms = self.distance(coded.samples, recorded)
        commitment = coded.quantised.commitment
        auxiliary = self.auxiliary(coded, recorded, speakers)
        loss = terms.weighted(weights) + weights.commitment * commitment + self.spec.auxiliary.weight * auxiliary
        nothing = loss.new_zeros(())
        return Losses(loss, terms, commitment=commitment, auxiliary=auxiliary, moments=nothing)
