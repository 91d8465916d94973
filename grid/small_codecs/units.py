"""Units of speech without a pretrained model: k-means over MFCC, the teacher of HuBERT's first iteration."""

from __future__ import annotations

import numpy as np
import torch
import torchaudio
from numpy.typing import NDArray
from torch import nn

from grid.corpus.audio import SAMPLE_RATE
from grid.randomness import generator
from grid.small_codecs.blocks import FILTER, HOP, MARGIN
from grid.small_codecs.speech import Speech

UNITS = 100
"""Clusters, and 13 coefficients with first and second differences, as in Hsu and others 2021, section IV-B."""
COEFFICIENTS = 13
MEL_BANDS = 40
MOST_FRAMES = 50_000
"""Frames that k-means sees: 500 s."""
ROUNDS = 20


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
    def fit(self, speech: Speech, seed: int) -> None:
        """Finds the clusters in up to `MOST_FRAMES` frames of `speech`, drawn for `seed`; on the CPU."""
        from scipy.cluster.vq import kmeans2

        frames = self._frames(speech, seed)
        mean, deviation = frames.mean(0), frames.std(0) + 1e-8
        draws = generator("small codec units", seed)
        centroids, _ = kmeans2((frames - mean) / deviation, UNITS, iter=ROUNDS, minit="++", rng=draws)
        for name, value in (("centroids", centroids), ("mean", mean), ("deviation", deviation)):
            self.get_buffer(name).copy_(torch.from_numpy(value))

    def _frames(self, speech: Speech, seed: int) -> NDArray[np.float64]:
        """MFCC of whole recordings in a drawn order, until there are enough."""
        found: list[NDArray[np.float64]] = []
        count = 0
        for number in generator("small codec unit recordings", seed).permutation(len(speech)):
            samples = torch.from_numpy(speech.waveform(int(number)))
            whole = samples[: len(samples) // HOP * HOP]
            if len(whole):
                found.append(self.cepstra(whole[None])[0].double().numpy())
                count += len(found[-1])
            if count >= MOST_FRAMES:
                break
        return np.concatenate(found)[:MOST_FRAMES]
