"""Scores the test split of renditions with trained cells: every utterance once, higher = more bona fide."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from grid.cells.job import WEIGHTS, CellJob, renditions_to_score, scores_folder
from grid.core.record import check_outputs, read_record
from grid.core.store import Store
from grid.detectors.network import Detector, scores_of
from grid.detectors.passes import Passes
from grid.detectors.weights import load_weights
from grid.inputs.batches import PreparedAudio, UtteranceRow
from grid.inputs.preparation import preparation_of
from grid.scoring.gang_detectors import build_together, shared_passes
from grid.scoring.score_tables import write_scores


def score_source(
    passes: Passes,
    detectors: Sequence[Detector],
    audio: PreparedAudio,
    folder: str,
    *,
    batch_size: int,
    device: torch.device,
    epoch: int = 0,
) -> list[NDArray[np.float64]]:
    """The scores `(utterances,)` of each detector for all of one rendition; leaves the detectors in evaluation mode."""
    places = [UtteranceRow(folder, row) for row in range(len(audio.source(folder)))]
    found: list[list[NDArray[np.float64]]] = [[np.empty(0)] for _ in detectors]
    for detector in detectors:
        detector.eval()
    batches = [places[start : start + batch_size] for start in range(0, len(places), batch_size)]
    with torch.inference_mode():
        for waveforms in audio.batches(batches, epoch):
            shared = passes.shared(waveforms.to(device))
            for detector, scores in zip(detectors, found, strict=True):
                outputs = passes.outputs(detector, shared)
                scores.append(scores_of(outputs, detector.head).double().cpu().numpy())
    return [np.concatenate(scores) for scores in found]


def score(store: Store, job: CellJob, *, device: torch.device) -> int:
    """Scores what one cell has not scored yet and gives the number of utterances."""
    return score_together(store, [job], device=device)


def score_together(store: Store, jobs: Sequence[CellJob], *, device: torch.device) -> int:
    """Scores what the cells of a gang have not scored yet: each waveform is read, and encoded, once for all of them.

    The digest of each cell's weights is checked first. Gives the number of scores.
    """
    waiting = {job.cell_id: renditions_to_score(store, job) for job in jobs}
    jobs = [job for job in jobs if waiting[job.cell_id]]
    if not jobs:
        return 0
    weights = [_checked_weights(store, job) for job in jobs]
    detectors = build_together(jobs)
    for job, detector in zip(jobs, detectors, strict=True):
        load_weights(detector, store.local(f"{job.folder}/{WEIGHTS}"))
        detector.to(device)
    passes = shared_passes(jobs, detectors)
    first = jobs[0]
    audio = PreparedAudio(store, preparation_of(store, first), "test", first.seed, readers=readers())
    scored = 0
    for folder in dict.fromkeys(folder for job in jobs for folder in waiting[job.cell_id]):
        hearing = [i for i, job in enumerate(jobs) if folder in waiting[job.cell_id]]
        values = score_source(
            passes,
            [detectors[i] for i in hearing],
            audio,
            folder,
            batch_size=first.recipe.score_batch_size,
            device=device,
        )
        ids = audio.source(folder).ids
        for i, scores in zip(hearing, values, strict=True):
            write_scores(store, scores_folder(jobs[i].folder, folder), ids, scores, weights[i])
            scored += len(scores)
    return scored


def readers() -> int:
    """The threads that read and augment: as many as torch may use here."""
    return max(1, torch.get_num_threads())


def _checked_weights(store: Store, job: CellJob) -> str:
    """The digest of a trained cell's weights."""
    record = read_record(store, job.folder)
    if record is None:
        raise FileNotFoundError(f"{store.uri(job.folder)} has no record: train the cell first")
    check_outputs(store, job.folder, record)
    return record.outputs[WEIGHTS]
