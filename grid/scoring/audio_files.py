"""Scores audio files outside any experiment, with one detector and a weights file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from grid.config.recipe import Crop
from grid.core.errors import RequestError
from grid.core.table_text import fits_a_line
from grid.corpus.audio import read_audio
from grid.corpus.readers import open_corpus
from grid.detectors.network import build_detector
from grid.detectors.spec import load_detector_spec
from grid.detectors.weights import load_weights
from grid.inputs.preparation import Preparation
from grid.scoring.score_tables import check_finite


@dataclass(frozen=True)
class ScoredFile:
    """An audio file and the utterance id under which its score is written."""

    utterance_id: str
    path: Path


def files_of_protocol(path: str | Path) -> list[ScoredFile]:
    """The files of a CSV protocol, in its order; its paths are relative to its folder. Errors as `_checked`."""
    corpus = open_corpus("csv", path)
    return _checked([ScoredFile(row.utterance_id, corpus.root / row.path) for row in corpus.rows], str(path))


def files_to_score(paths: Iterable[Path]) -> list[ScoredFile]:
    """Files by their names without the suffix, in their order. Errors as `_checked`."""
    return _checked([ScoredFile(path.stem, path) for path in paths], "the files to score")


def _checked(files: list[ScoredFile], source: str) -> list[ScoredFile]:
    """`files`; RequestError for none, for an id that comes twice, and for one that a line of a CSV cannot hold."""
    if not files:
        raise RequestError(f"{source}: no utterance to score")
    seen: dict[str, Path] = {}
    for file in files:
        name = file.utterance_id
        if not name.strip() or not fits_a_line(name):
            raise RequestError(f"{source}: utterance id {name!r} of {file.path} is empty or has a control character")
        if name in seen:
            raise RequestError(
                f"{source}: utterance id {name!r} comes twice, for {seen[name]} and {file.path}; a --protocol can give "
                "each file an id of its own"
            )
        seen[name] = file.path
    return files


class FileScorer:
    """A detector with its weights, ready to score files."""

    def __init__(self, detector: str, weights: str, *, crop: int, device: str = "cpu") -> None:
        """Raises RequestError when there is no such detector or the weights do not fit it."""
        spec = load_detector_spec(detector)
        self.weights = weights
        self.model = build_detector(spec, seed=0)
        load_weights(self.model, weights)
        self.device = torch.device(device)
        self.model.to(self.device).eval()
        self.preparation = Preparation(spec.input, Crop(samples=crop))

    def __call__(self, files: Sequence[ScoredFile]) -> list[tuple[str, float]]:
        """`(utterance_id, score)` of each file, higher = more bona fide; UnusableAudioError, NotFiniteError."""
        batch = np.stack([self._prepared(file) for file in files])
        scores = self.model.score(torch.from_numpy(batch).to(self.device)).double().cpu().numpy()
        check_finite([file.utterance_id for file in files], scores, self.weights)
        return [(file.utterance_id, float(value)) for file, value in zip(files, scores, strict=True)]

    def _prepared(self, file: ScoredFile) -> NDArray[np.float32]:
        waveform = read_audio(file.path).samples
        return self.preparation(waveform, "test", seed=0, epoch=0, utterance_id=file.utterance_id)
