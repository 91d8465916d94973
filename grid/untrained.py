"""A cell that no epoch trains: published weights enter the grid as they are, and are scored like any other cell."""

from __future__ import annotations

import numpy as np
import torch

from grid.building import build_together, preparation_of, shared_passes
from grid.corpus.manifest import BONAFIDE
from grid.detector_network import Detector
from grid.detector_weights import model_bytes
from grid.initial_weights import start_from
from grid.job import HISTORY, WEIGHTS, CellJob
from grid.metrics.detection import eer
from grid.prepared_audio import PreparedAudio
from grid.record import Record, finish
from grid.score import readers, score_source
from grid.store import Store


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
