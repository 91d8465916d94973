"""Fits cells, one or several that share a frozen encoder. Resumable at every epoch, bit for bit as never interrupted.

    PreparedAudio -> Passes.shared -> CellTraining.step      of each cell, with its own items, order and optimiser

A cell alone is a gang of one. See `grid.cells.gangs` for which cells may train together.
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence

import numpy as np
import torch

from grid.cells.job import HISTORY, WEIGHTS, CellJob
from grid.core.record import Record, check_identity, finish, read_record
from grid.core.store import Store
from grid.core.vocabulary import BONAFIDE
from grid.detectors.network import Detector
from grid.detectors.weights import model_bytes, start_from
from grid.inputs.batches import PreparedAudio
from grid.inputs.preparation import preparation_of
from grid.metrics.detection import eer
from grid.scoring.gang_detectors import build_together, shared_passes
from grid.scoring.score import readers, score_source
from grid.training.gang import CellFailure, Gang, OnEpoch, Outcomes


def keep_initial_weights(store: Store, job: CellJob, *, device: torch.device) -> Record:
    """Writes the initial weights of a recipe of 0 epochs, an empty history and the record of the cell.

    The dev EER, a fraction, is measured once, on the recordings and attacks of dev; a corpus that has one class there
    (VCTK has recordings alone) gives none, and the record then has no `dev_eer`.
    """
    (detector,) = build_together([job])
    detector.to(device)
    start_from(detector, job.recipe)
    measured = _dev_eer(store, job, detector, device)
    store.write_bytes(f"{job.folder}/{WEIGHTS}", model_bytes(detector))
    store.write_json(f"{job.folder}/{HISTORY}", {"epochs": []})
    results = {"epochs": 0, **({"dev_eer": measured} if measured is not None else {}), "warnings": []}
    return finish(store, job.folder, kind="cell", identity=job.identity, outputs=[WEIGHTS, HISTORY], results=results)


def _dev_eer(store: Store, job: CellJob, detector: Detector, device: torch.device) -> float | None:
    audio = PreparedAudio(store, preparation_of(store, job), "dev", job.seed, readers=readers())
    folders = [folder for folder in (*job.recordings, *job.attacks) if job.hears(folder, "dev")]
    keys = np.concatenate([np.array(audio.source(folder).table["key"].to_pylist(), str) for folder in folders])
    bonafide = keys == BONAFIDE
    if bonafide.all() or not bonafide.any():
        return None
    passes = shared_passes([job], [detector])
    size = job.recipe.score_batch_size
    found = [score_source(passes, [detector], audio, each, batch_size=size, device=device)[0] for each in folders]
    scores = np.concatenate(found)
    return eer(scores[bonafide], scores[~bonafide], condition="dev").eer


def train(store: Store, job: CellJob, *, device: torch.device, report: OnEpoch | None = None) -> Record:
    """Trains one cell to its end, from where it was left, and writes its record; a finished cell is only read.

    Raises RequestError when there is nothing to train on, FloatingPointError when the loss is not finite.
    """
    outcome = train_together(store, [job], device=device, report=report)[job.cell_id]
    if isinstance(outcome, CellFailure):
        raise outcome.error
    return outcome


def train_together(
    store: Store, jobs: Sequence[CellJob], *, device: torch.device, report: OnEpoch | None = None
) -> Outcomes:
    """Trains the cells of one gang to their ends; the outcome of each by its id.

    A cell that fails leaves the gang; what concerns all of them, and what `report` raises, is raised. A cell whose
    recipe has 0 epochs keeps its initial weights.
    """
    outcomes: Outcomes = {}
    waiting: list[CellJob] = []
    for job in jobs:
        done = read_record(store, job.folder)
        if done is not None:
            check_identity(store, job.folder, done, job.identity)
            outcomes[job.cell_id] = done
        elif job.recipe.epochs == 0:
            outcomes[job.cell_id] = _untrained(store, job, device)
        else:
            waiting.append(job)
    return outcomes | Gang(store, waiting, device).run(report) if waiting else outcomes


def _untrained(store: Store, job: CellJob, device: torch.device) -> Record | CellFailure:
    try:
        return keep_initial_weights(store, job, device=device)
    except Exception as error:
        return CellFailure(error, traceback.format_exc())
