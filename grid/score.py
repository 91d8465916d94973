"""Scores the test split of renditions with a trained cell: every utterance once, higher = more bona fide."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from grid.audio_source import RenditionAudio
from grid.config.recipe import Recipe
from grid.detector import build_detector
from grid.detector_network import Detector
from grid.detector_weights import load_weights
from grid.job import WEIGHTS, CellJob
from grid.record import check_outputs, finish, read_record
from grid.store import Store

SCORES = "scores.parquet"
SCORE_SCHEMA = pa.schema([("utterance_id", pa.string()), ("score", pa.float64())])


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


def scores_folder(cell_folder: str, rendition_folder: str) -> str:
    """Where the scores of one rendition lie in a cell; a rendition's folder name ends in its id."""
    return f"{cell_folder}/scores/{rendition_folder.rsplit('/', 1)[-1]}"


def renditions_to_score(store: Store, job: CellJob) -> list[str]:
    """The folders of the renditions that this cell has not scored yet."""
    return [folder for folder in job.scored if read_record(store, scores_folder(job.folder, folder)) is None]


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
        _write(store, scores_folder(job.folder, folder), audio.ids, values, record.outputs)
        scored += len(values)
    return scored


def _write(store: Store, folder: str, ids: list[str], values: NDArray[np.float64], weights: dict[str, str]) -> None:
    table = pa.Table.from_pydict({"utterance_id": ids, "score": values}, schema=SCORE_SCHEMA)
    with store.writing(f"{folder}/{SCORES}") as temporary:
        pq.write_table(table, temporary)
    finish(
        store,
        folder,
        kind="scores",
        identity={"weights": weights[WEIGHTS]},
        outputs=[SCORES],
        results={"utterances": len(ids)},
    )


def read_scores(store: Store, folder: str) -> pa.Table:
    """`utterance_id, score` of one rendition; raises RequestError when the bytes are not those recorded."""
    record = read_record(store, folder)
    if record is None:
        raise FileNotFoundError(f"{store.uri(folder)} is not scored")
    check_outputs(store, folder, record)
    return pq.read_table(io.BytesIO(store.read_bytes(f"{folder}/{SCORES}")))
