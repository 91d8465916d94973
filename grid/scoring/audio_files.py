"""Scores audio files outside any experiment, with one detector and a weights file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from grid.config.recipe import Crop
from grid.corpus.audio import read_audio
from grid.corpus.readers import open_corpus
from grid.detectors.network import build_detector
from grid.detectors.spec import load_detector_spec
from grid.detectors.weights import load_weights
from grid.inputs.preparation import Preparation


@dataclass(frozen=True)
class ScoredFile:
    """An audio file and the utterance id under which its score is written."""

    utterance_id: str
    path: Path


def files_of_protocol(path: str | Path) -> list[ScoredFile]:
    """The files of a CSV protocol, in its order; its paths are relative to its folder."""
    corpus = open_corpus("csv", path)
    return [ScoredFile(row.utterance_id, corpus.root / row.path) for row in corpus.rows]


class FileScorer:
    """A detector with its weights, ready to score files."""

    def __init__(self, detector: str, weights: str, *, crop: int, device: str = "cpu") -> None:
        """Raises RequestError when there is no such detector or the weights do not fit it."""
        spec = load_detector_spec(detector)
        self.model = build_detector(spec, seed=0)
        load_weights(self.model, weights)
        self.device = torch.device(device)
        self.model.to(self.device).eval()
        self.preparation = Preparation(spec.input, Crop(samples=crop))

    def __call__(self, files: Sequence[ScoredFile]) -> list[tuple[str, float]]:
        """`(utterance_id, score)` of each file, higher = more bona fide; raises UnusableAudioError."""
        batch = np.stack([self._prepared(file) for file in files])
        scores = self.model.score(torch.from_numpy(batch).to(self.device)).cpu()
        return [(file.utterance_id, float(value)) for file, value in zip(files, scores, strict=True)]

    def _prepared(self, file: ScoredFile) -> NDArray[np.float32]:
        waveform = read_audio(file.path).samples
        return self.preparation(waveform, "test", seed=0, epoch=0, utterance_id=file.utterance_id)
