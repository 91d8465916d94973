"""Scores the test split of renditions with trained cells: every utterance once, a higher score is more bona fide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from grid.cells.job import WEIGHTS, CellJob, renditions_to_score, scores_folder
from grid.core.errors import RequestError
from grid.core.record import check_outputs, read_record
from grid.core.store import Store
from grid.detectors.gang_forward import GangForward
from grid.detectors.network import Detector, scores_of
from grid.detectors.weights import load_weights
from grid.inputs.batches import RenditionRow, UtteranceLoader
from grid.inputs.preparation import preparation_of
from grid.scoring.class_scores import class_columns
from grid.scoring.gang_detectors import build_gang_detectors, build_gang_forward
from grid.scoring.score_tables import NotFiniteError, write_scores


@dataclass(frozen=True)
class RenditionScores:
    """The scores `(utterances,)` of one detector for one rendition.

    Where they are log odds, `log_posteriors` has those of each output too: `(utterances, outputs)`, else `(0, 0)`.
    """

    scores: NDArray[np.float64]
    log_posteriors: NDArray[np.float64]


def score_rendition(
    forward: GangForward,
    detectors: Sequence[Detector],
    audio: UtteranceLoader,
    folder: str,
    *,
    batch_size: int,
    device: torch.device,
    epoch: int = 0,
) -> list[RenditionScores]:
    """The scores of each detector for one rendition; leaves the detectors in evaluation mode."""
    rows = [RenditionRow(folder, row) for row in range(len(audio.source(folder)))]
    scores: list[list[NDArray[np.float64]]] = [[np.empty(0)] for _ in detectors]
    log_posteriors: list[list[NDArray[np.float64]]] = [[np.empty((0, len(d.bonafide)))] for d in detectors]
    for detector in detectors:
        detector.eval()
    batches = [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
    with torch.inference_mode():
        for waveforms in audio.batches(batches, epoch):
            encoded = forward.encode(waveforms.to(device))
            for i, detector in enumerate(detectors):
                outputs = forward.outputs(detector, encoded)
                scores[i].append(scores_of(outputs, detector.head, detector.bonafide).double().cpu().numpy())
                if detector.bonafide:
                    log_posteriors[i].append(outputs.double().log_softmax(dim=1).cpu().numpy())
    return [
        RenditionScores(np.concatenate(values), np.concatenate(outputs))
        for values, outputs in zip(scores, log_posteriors, strict=True)
    ]


@dataclass(frozen=True)
class ScoringResult:
    """The number of scores that were written, and why cells could not be scored, by their ids."""

    scored: int
    failures: dict[str, Exception]


def score(store: Store, job: CellJob, *, device: torch.device) -> int:
    """Scores the renditions that one cell has not scored yet; returns the number of scores.

    Raises NotFiniteError for a score that is NaN or infinite, and RequestError for damaged weights or audio.
    """
    result = score_together(store, [job], device=device)
    for error in result.failures.values():
        raise error
    return result.scored


def score_together(store: Store, jobs: Sequence[CellJob], *, device: torch.device) -> ScoringResult:
    """Scores the renditions that the cells of a gang have not scored yet; reads and encodes each waveform once for all.

    The digest of each cell's weights is checked first. Damaged weights, or scores that are not finite, are a failure of
    their cell alone. Errors that concern all cells, such as damaged audio, are raised.
    """
    unscored = {job.cell_id: renditions_to_score(store, job) for job in jobs}
    weights: dict[str, str] = {}
    failures: dict[str, Exception] = {}
    for job in jobs:
        if unscored[job.cell_id]:
            try:
                weights[job.cell_id] = _checked_weights(store, job)
            except (RequestError, OSError) as error:
                failures[job.cell_id] = error
    jobs = [job for job in jobs if job.cell_id in weights]
    if not jobs:
        return ScoringResult(0, failures)
    detectors = build_gang_detectors(jobs)
    for job, detector in zip(jobs, detectors, strict=True):
        load_weights(detector, store.local(f"{job.folder}/{WEIGHTS}"))
        detector.to(device)
    forward = build_gang_forward(jobs, detectors)
    first = jobs[0]
    audio = UtteranceLoader(store, preparation_of(store, first), "test", first.seed, readers=readers())
    scored = 0
    for folder in dict.fromkeys(folder for job in jobs for folder in unscored[job.cell_id]):
        users = [i for i, job in enumerate(jobs) if folder in unscored[job.cell_id]]
        values = score_rendition(
            forward,
            [detectors[i] for i in users],
            audio,
            folder,
            batch_size=first.recipe.score_batch_size,
            device=device,
        )
        ids = audio.source(folder).ids
        for i, found in zip(users, values, strict=True):
            job = jobs[i]
            columns = class_columns(job.classes, found.log_posteriors) if job.classes else {}
            try:
                write_scores(store, scores_folder(job.folder, folder), ids, found.scores, weights[job.cell_id], columns)
                scored += len(ids)
            except NotFiniteError as error:
                failures.setdefault(job.cell_id, error)
    return ScoringResult(scored, failures)


def readers() -> int:
    """The number of threads that read and augment: as many as torch may use in this process."""
    return max(1, torch.get_num_threads())


def _checked_weights(store: Store, job: CellJob) -> str:
    """The digest of a trained cell's weights, after checking the files; FileNotFoundError for an untrained cell."""
    record = read_record(store, job.folder)
    if record is None:
        raise FileNotFoundError(f"{store.uri(job.folder)} has no record: train the cell first")
    check_outputs(store, job.folder, record)
    return record.outputs[WEIGHTS]
