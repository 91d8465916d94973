"""Auxiliary objectives (AUX of the taxonomy): none, semantic, disentangled. Their heads are used in training only."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
import torchaudio
from numpy.typing import NDArray
from torch import nn

from grid.codec_training.speech import TrainingSpeech
from grid.codecs.controlled.blocks import FILTER, HOP, MARGIN
from grid.codecs.controlled.network import Coded
from grid.codecs.controlled.quantisers import SCALARS
from grid.codecs.controlled.spec import CodecSpec
from grid.core.errors import RequestError
from grid.core.randomness import generator
from grid.core.vocabulary import SAMPLE_RATE

UNITS = 100
"""Clusters, and 13 coefficients with first and second differences, as in Hsu and others 2021, section IV-B."""
COEFFICIENTS = 13
MEL_BANDS = 40
MOST_FRAMES = 50_000
"""Frames that k-means is fitted on: 500 s."""
ROUNDS = 20
HIDDEN = 128
"""The width of the hidden layer of the heads."""


class Cepstra(nn.Module):
    """Samples `(batch, 160 * frames)` to 39 MFCC `(batch, frames, 39)`, each frame centred where the codec's is."""

    def __init__(self) -> None:
        super().__init__()
        spectrogram = {"n_fft": 512, "win_length": FILTER, "hop_length": HOP, "n_mels": MEL_BANDS, "center": False}
        self.transform = torchaudio.transforms.MFCC(SAMPLE_RATE, COEFFICIENTS, log_mels=True, melkwargs=spectrogram)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        extra = (512 - FILTER) // 2  # the transform centres its window of 400 in 512 samples
        cepstra = self.transform(nn.functional.pad(samples, (MARGIN + extra, MARGIN + extra)))
        slopes = torchaudio.functional.compute_deltas(cepstra)
        curves = torchaudio.functional.compute_deltas(slopes)
        return torch.cat([cepstra, slopes, curves], dim=1).transpose(1, 2)


class Units(nn.Module):
    """The nearest of `UNITS` clusters for each frame; its tensors are part of a training's state."""

    def __init__(self) -> None:
        super().__init__()
        self.cepstra = Cepstra()
        width = 3 * COEFFICIENTS
        self.register_buffer("centroids", torch.zeros(UNITS, width))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))

    @torch.no_grad()
    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Samples `(batch, 160 * frames)` to units `(batch, frames)`, integers below `UNITS`."""
        cepstra = (self.cepstra(samples) - self.get_buffer("mean")) / self.get_buffer("deviation")
        centroids = self.get_buffer("centroids")
        return torch.cdist(cepstra, centroids.expand(len(cepstra), -1, -1)).argmin(-1)

    @torch.no_grad()
    def fit(self, speech: TrainingSpeech, seed: int) -> None:
        """Finds the clusters in up to `MOST_FRAMES` frames of `speech`, drawn for `seed`; on the CPU."""
        from scipy.cluster.vq import kmeans2

        frames = self._frames(speech, seed)
        mean, deviation = frames.mean(0), frames.std(0) + 1e-8
        draws = generator("small codec units", seed)
        centroids, _ = kmeans2((frames - mean) / deviation, UNITS, iter=ROUNDS, minit="++", rng=draws)
        for name, value in (("centroids", centroids), ("mean", mean), ("deviation", deviation)):
            self.get_buffer(name).copy_(torch.from_numpy(value))

    def _frames(self, speech: TrainingSpeech, seed: int) -> NDArray[np.float64]:
        """MFCC of whole recordings in a drawn order, until there are enough."""
        frames: list[NDArray[np.float64]] = []
        count = 0
        for number in generator("small codec unit recordings", seed).permutation(len(speech)):
            samples = torch.from_numpy(speech.waveform(int(number)))
            whole = samples[: len(samples) // HOP * HOP]
            if len(whole):
                frames.append(self.cepstra(whole[None])[0].double().numpy())
                count += len(frames[-1])
            if count >= MOST_FRAMES:
                break
        return np.concatenate(frames)[:MOST_FRAMES]


class AuxiliaryObjective(nn.Module, ABC):
    """An objective on the codes; `prepare` runs once, before the first step."""

    def prepare(self, speech: TrainingSpeech, seed: int) -> None:
        """Fits the parts of the objective that are fixed during training; nothing by default."""

    @abstractmethod
    def forward(self, coded: Coded, recorded: torch.Tensor, speakers: torch.Tensor) -> torch.Tensor:
        """The loss, a scalar, of a batch: samples `(batch, 160 * frames)`, speaker numbers `(batch,)`."""


class NoObjective(AuxiliaryObjective):
    """`None`: reconstruction alone; the loss is 0."""

    def forward(self, coded: Coded, recorded: torch.Tensor, speakers: torch.Tensor) -> torch.Tensor:
        return recorded.new_zeros(())


class Semantic(AuxiliaryObjective):
    """`Sem`: the first token of a frame predicts its unit, as a distilled first codebook does in SpeechTokenizer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.units = Units()
        self.head = nn.Sequential(nn.Linear(width, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, UNITS))

    def prepare(self, speech: TrainingSpeech, seed: int) -> None:
        self.units.fit(speech, seed)

    def forward(self, coded: Coded, recorded: torch.Tensor, speakers: torch.Tensor) -> torch.Tensor:
        logits = self.head(coded.quantised.first)
        return nn.functional.cross_entropy(logits.flatten(0, 1), self.units(recorded).flatten())


class Disentangled(AuxiliaryObjective):
    """`Disent`: the utterance's vector must identify the speaker, and the frames' codes must not.

    The frames' classifier learns to identify the speaker from the latents while the codec, behind a reversed gradient
    (Ganin and Lempitsky 2015), learns to prevent that. The gradient of a crop whose classifier is no better than chance
    is not reversed but stopped: the reversed loss is unbounded, and latents that grow without bound would increase it
    for ever, which left a member at STOI 0.47 where its neighbours have 0.8.
    """

    def __init__(self, width: int, speakers: int) -> None:
        super().__init__()
        self.of_vector = nn.Linear(SCALARS, speakers)
        self.of_frame = nn.Sequential(nn.Linear(width, HIDDEN), nn.GELU())
        self.of_frames = nn.Linear(HIDDEN, speakers)

    def forward(self, coded: Coded, recorded: torch.Tensor, speakers: torch.Tensor) -> torch.Tensor:
        assert coded.utterance is not None
        latents = coded.quantised.latents
        utterance_loss = nn.functional.cross_entropy(self.of_vector(coded.utterance), speakers)
        reversed_latents = _reversed(latents, self._better_than_chance(latents, speakers))
        return utterance_loss + nn.functional.cross_entropy(self._frame_logits(reversed_latents), speakers)

    def _frame_logits(self, latents: torch.Tensor) -> torch.Tensor:
        """The logits `(batch, speakers)` of the frames' classifier from latents `(batch, frames, width)`."""
        logits: torch.Tensor = self.of_frames(self.of_frame(latents).mean(dim=1))
        return logits

    @torch.no_grad()
    def _better_than_chance(self, latents: torch.Tensor, speakers: torch.Tensor) -> torch.Tensor:
        """Which crops the frames' classifier recognises better than chance, `(batch,)`."""
        losses = nn.functional.cross_entropy(self._frame_logits(latents), speakers, reduction="none")
        return losses < math.log(self.of_frames.out_features)


class _Reverse(torch.autograd.Function):
    """The identity, whose gradient is negated for the chosen items and 0 for the others."""

    @staticmethod
    def forward(context: Any, value: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        context.save_for_backward(chosen)
        return value.view_as(value)

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        [chosen] = context.saved_tensors
        return -gradients[0] * chosen[:, None, None], None


def _reversed(value: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """`value` `(batch, frames, width)` with a reversed gradient where `chosen` `(batch,)`, and none elsewhere."""
    result: torch.Tensor = _Reverse.apply(value, chosen)
    return result


def build_auxiliary(spec: CodecSpec, first_width: int, speech: TrainingSpeech) -> AuxiliaryObjective:
    """The objective of a member; `first_width` is the width of its first token.

    Raises RequestError when the objective is disentanglement and the speech has fewer than two speakers.
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
    return NoObjective()
