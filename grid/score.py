"""Scores the test split of renditions with a trained cell: every utterance once, higher = more bona fide."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from grid.audio_source import RenditionAudio
from grid.cell_scores import renditions_to_score, scores_folder, write_scores
from grid.config.recipe import Recipe
from grid.detector import build_detector
from grid.detector_network import Detector
from grid.detector_weights import load_weights
from grid.job import WEIGHTS, CellJob
from grid.record import check_outputs, read_record
from grid.store import Store


def score_rows(
    model: Detector,
    audio: RenditionAudio,
    rows: Sequence[int] | NDArray[np.int64],
    recipe: Recipe,
    device: torch.device,
) -> NDArray[np.float64]:
    """The scores `(rows,)` of some utterances, cropped as the recipe evaluates; leaves the model in evaluation mode."""
    model.eval()
    scores: list[NDArray[np.float64]] = []
    crop, size = recipe.crop, recipe.score_batch_size
    with torch.inference_mode():
        for start in range(0, len(rows), size):
            batch = [audio.crop(int(row), crop.samples, crop.evaluation) for row in rows[start : start + size]]
            waveforms = torch.from_numpy(np.stack(batch)).to(device)
            scores.append(model.score(waveforms).double().cpu().numpy())
    return np.concatenate(scores) if scores else np.empty(0)


def score(store: Store, job: CellJob, *, device: torch.device) -> int:
    """Scores what is not scored yet and gives the number of utterances; the weights' digest is checked first."""
    waiting = renditions_to_score(store, job)
    if not waiting:
        return 0
    record = read_record(store, job.folder)
    if record is None:
        raise FileNotFoundError(f"{store.uri(job.folder)} has no record: train the cell first")
    check_outputs(store, job.folder, record)
    model = build_detector(job.detector_spec, seed=0)
    load_weights(model, store.local(f"{job.folder}/{WEIGHTS}"))
    model.to(device)
    scored = 0
    for folder in waiting:
        audio = RenditionAudio(store, folder, "test")
        values = score_rows(model, audio, range(len(audio)), job.recipe, device)
        write_scores(store, scores_folder(job.folder, folder), audio.ids, values, record.outputs[WEIGHTS])
        scored += len(values)
    return scored
