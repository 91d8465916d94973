"""Trains cells, one or several that share a frozen encoder.

    UtteranceLoader -> GangForward.encode -> CellTraining.step     of each cell, with its own items, order and optimiser

A training can be interrupted and resumed at every epoch with bit-equal results. A single cell is a gang of one; see
`grid.cells.gangs` for which cells may train together.
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from grid.cells.job import HISTORY, WEIGHTS, CellJob
from grid.core.record import Record, check_identity, finish, read_record
from grid.core.store import Store
from grid.core.vocabulary import BONAFIDE
from grid.detectors.network import Detector
from grid.detectors.weights import load_initial_weights, model_bytes
from grid.inputs.batches import UtteranceLoader
from grid.inputs.preparation import preparation_of
from grid.metrics.detection import EerResult, eer
from grid.scoring.gang_detectors import build_gang_detectors, build_gang_forward
from grid.scoring.score import readers, score_rendition
from grid.scoring.score_tables import check_finite
from grid.training.cell_training import finite
from grid.training.gang import CellFailure, Gang, OnEpoch, Outcomes


def keep_initial_weights(store: Store, job: CellJob, *, device: torch.device) -> Record:
    """Writes the initial weights of a recipe of 0 epochs, an empty history and the record of the cell.

    The dev EER, a fraction, is measured once, on the recordings and attacks of dev. Where dev has one class only (VCTK
    has recordings alone) the record has no `dev_eer`.
    """
    (detector,) = build_gang_detectors([job])
    detector.to(device)
    load_initial_weights(detector, job.recipe)
    dev = _dev_eer(store, job, detector, device)
    store.write_bytes(f"{job.folder}/{WEIGHTS}", model_bytes(detector))
    store.write_json(f"{job.folder}/{HISTORY}", {"epochs": []})
    results: dict[str, Any] = {"epochs": 0, "warnings": []}
    if dev is not None:
        results["dev_eer"] = dev.eer
        if (threshold := finite(dev.threshold)) is not None:
            results["dev_threshold"] = threshold
    return finish(store, job.folder, kind="cell", identity=job.identity, outputs=[WEIGHTS, HISTORY], results=results)


def _dev_eer(store: Store, job: CellJob, detector: Detector, device: torch.device) -> EerResult | None:
    audio = UtteranceLoader(store, preparation_of(store, job), "dev", job.seed, readers=readers())
    folders = [folder for folder in (*job.recordings, *job.attacks) if job.uses_split(folder, "dev")]
    keys = np.concatenate([np.array(audio.source(folder).table["key"].to_pylist(), str) for folder in folders])
    bonafide = keys == BONAFIDE
    if bonafide.all() or not bonafide.any():
        return None
    forward = build_gang_forward([job], [detector])
    size = job.recipe.score_batch_size
    parts = []
    for folder in folders:
        (found,) = score_rendition(forward, [detector], audio, folder, batch_size=size, device=device)
        check_finite(audio.source(folder).ids, found.scores, f"dev of {folder}")
        parts.append(found.scores)
    scores = np.concatenate(parts)
    return eer(scores[bonafide], scores[~bonafide], condition="dev")


def train(store: Store, job: CellJob, *, device: torch.device, report: OnEpoch | None = None) -> Record:
    """Trains one cell to its end from its saved state and writes its record; the record of a finished cell is read.

    Raises RequestError when there is nothing to train on or the audio is damaged, and FloatingPointError when the loss
    or a dev score is not finite.
    """
    outcome = train_together(store, [job], device=device, report=report)[job.cell_id]
    if isinstance(outcome, CellFailure):
        raise outcome.error
    return outcome


def train_together(
    store: Store, jobs: Sequence[CellJob], *, device: torch.device, report: OnEpoch | None = None
) -> Outcomes:
    """Trains the cells of one gang to their ends; the outcome of each by its id.

    A cell that fails leaves the gang; errors that concern all cells, and exceptions of `report`, are raised. A cell
    whose recipe has 0 epochs keeps its initial weights.
    """
    outcomes: Outcomes = {}
    to_train: list[CellJob] = []
    for job in jobs:
        record = read_record(store, job.folder)
        if record is not None:
            check_identity(store, job.folder, record, job.identity)
            outcomes[job.cell_id] = record
        elif job.recipe.epochs == 0:
            outcomes[job.cell_id] = _untrained(store, job, device)
        else:
            to_train.append(job)
    return outcomes | Gang(store, to_train, device).run(report) if to_train else outcomes


def _untrained(store: Store, job: CellJob, device: torch.device) -> Record | CellFailure:
    try:
        return keep_initial_weights(store, job, device=device)
    except Exception as error:
        return CellFailure(error, traceback.format_exc())
