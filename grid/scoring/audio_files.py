"""Scores audio files outside any experiment, with a detector and a weights file or with a trained cell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from grid.cells.job import WEIGHTS, CellJob
from grid.config.recipe import Crop
from grid.core.errors import RequestError, one_line
from grid.core.record import check_outputs, read_record
from grid.core.store import Store
from grid.core.table_text import fits_a_line
from grid.corpus.audio import read_audio
from grid.corpus.readers import open_corpus
from grid.detectors.network import Detector, build_detector
from grid.detectors.spec import load_detector_spec
from grid.detectors.weights import load_weights
from grid.inputs.preparation import Preparation
from grid.scoring.gang_detectors import build_gang_detectors
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


@dataclass(frozen=True)
class FileScores:
    """The scores of files by utterance id, higher = more bona fide, and why the others have none."""

    scores: dict[str, float]
    failures: dict[str, str]


@dataclass(frozen=True)
class FileScorer:
    """A detector in evaluation mode, ready to score files; `source` names its weights in errors."""

    model: Detector
    preparation: Preparation
    device: torch.device
    source: str

    @classmethod
    def of_weights(cls, detector: str, weights: str, *, crop: int, device: str = "cpu") -> FileScorer:
        """Any detector with a weights file; RequestError when there is no such detector or the weights do not fit."""
        spec = load_detector_spec(detector)
        model = build_detector(spec, seed=0)
        load_weights(model, weights)
        return cls(_ready(model, device), Preparation(spec.input, Crop(samples=crop)), torch.device(device), weights)

    @classmethod
    def of_cell(cls, store: Store, job: CellJob, *, device: str = "cpu") -> FileScorer:
        """A trained cell, with the level and the crop of its tests.

        Raises RequestError for one that is not trained, and for damaged weights.
        """
        record = read_record(store, job.folder)
        if record is None:
            raise RequestError(f"cell {job.cell_id} is not trained yet; see: codecgrid show {job.cell_id}")
        check_outputs(store, job.folder, record)
        (model,) = build_gang_detectors([job])
        load_weights(model, store.local(f"{job.folder}/{WEIGHTS}"))
        preparation = Preparation(job.detector_spec.input, job.recipe.crop)
        return cls(_ready(model, device), preparation, torch.device(device), f"cell {job.cell_id}")

    def __call__(self, files: Sequence[ScoredFile]) -> FileScores:
        """The scores of files, as one batch; a file that cannot be read is a failure. Raises NotFiniteError."""
        prepared: dict[str, NDArray[np.float32]] = {}
        failures: dict[str, str] = {}
        for file in files:
            try:
                prepared[file.utterance_id] = self._prepared(file)
            except RequestError as error:  # also UnusableAudioError
                failures[file.utterance_id] = one_line(error, kind=False)
        if not prepared:
            return FileScores({}, failures)
        batch = torch.from_numpy(np.stack(list(prepared.values()))).to(self.device)
        scores = self.model.score(batch).double().cpu().numpy()
        check_finite(list(prepared), scores, self.source)
        return FileScores(dict(zip(prepared, map(float, scores), strict=True)), failures)

    def _prepared(self, file: ScoredFile) -> NDArray[np.float32]:
        waveform = read_audio(file.path).samples
        return self.preparation(waveform, "test", seed=0, epoch=0, utterance_id=file.utterance_id)


def _ready(model: Detector, device: str) -> Detector:
    model.to(torch.device(device)).eval()
    return model
