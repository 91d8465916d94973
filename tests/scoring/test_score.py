"""Scoring: every test utterance once, independent of order and batch size; damaged files raise an error."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from grid.cells.job import WEIGHTS, CellJob, renditions_to_score, scores_folder
from grid.core.errors import RequestError
from grid.detectors.gang_forward import SeparateForward
from grid.detectors.network import Detector, build_detector
from grid.detectors.weights import load_weights
from grid.experiment.grid import Grid
from grid.inputs.batches import UtteranceLoader
from grid.inputs.preparation import preparation_of
from grid.resynthesis.rendition_audio import RenditionAudio
from grid.scoring.score import score, score_rendition
from grid.scoring.score_tables import read_scores
from grid.training.train import train
from tests.support.tiny_grid import Tiny, tiny

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, Grid, CellJob]:
    """One trained and scored cell."""
    torch.set_num_threads(1)
    made = tiny(
        tmp_path_factory.mktemp("score"),
        grid={"selections": ["gsm-06.10"], "policies": ["spoof"]},
        recipe={"epochs": 1},
    )
    grid = made.rendered()
    (job,) = grid.cells
    train(made.store, job, device=CPU)
    assert score(made.store, job, device=CPU) == 8 + 4
    return made, grid, job


@pytest.fixture
def detector(trained: tuple[Tiny, Grid, CellJob]) -> Detector:
    made, _, job = trained
    model = build_detector(job.detector_spec, seed=0)
    load_weights(model, made.store.uri(f"{job.folder}/{WEIGHTS}"))
    return model


def test_every_test_utterance_is_scored_once(trained: tuple[Tiny, Grid, CellJob]) -> None:
    made, _, job = trained
    for folder in job.scored:
        ids = read_scores(made.store, scores_folder(job.folder, folder))["utterance_id"].to_pylist()
        assert len(set(ids)) == len(ids)
        assert ids == RenditionAudio(made.store, folder, "test").ids
        assert all(name.startswith("test-") for name in ids)


def test_scores_are_finite_and_tell_utterances_apart(trained: tuple[Tiny, Grid, CellJob]) -> None:
    made, _, job = trained
    values = read_scores(made.store, scores_folder(job.folder, job.scored[0]))["score"].to_numpy()
    assert np.isfinite(values).all()
    assert len(set(values)) == len(values)


def test_a_score_depends_on_the_batch_by_rounding_only(trained: tuple[Tiny, Grid, CellJob], detector: Detector) -> None:
    made, _, job = trained
    audio = UtteranceLoader(made.store, preparation_of(made.store, job), "test", job.seed)
    (alone,) = score_rendition(SeparateForward(), [detector], audio, job.scored[0], batch_size=1, device=CPU)
    kept = read_scores(made.store, scores_folder(job.folder, job.scored[0]))["score"].to_numpy()
    assert alone.scores == pytest.approx(kept, abs=1e-5)


def test_what_is_scored_is_not_scored_again(trained: tuple[Tiny, Grid, CellJob]) -> None:
    made, _, job = trained
    assert renditions_to_score(made.store, job) == []
    assert score(made.store, job, device=CPU) == 0


def test_a_rendition_that_comes_later_is_scored_alone(trained: tuple[Tiny, Grid, CellJob]) -> None:
    made, _, job = trained
    made.store.remove(scores_folder(job.folder, job.scored[1]))
    assert renditions_to_score(made.store, job) == [job.scored[1]]
    assert score(made.store, job, device=CPU) == 4


def test_damaged_scores_are_detected(trained: tuple[Tiny, Grid, CellJob]) -> None:
    made, _, job = trained
    folder = scores_folder(job.folder, job.scored[0])
    whole = made.store.read_bytes(f"{folder}/scores.parquet")
    made.store.write_bytes(f"{folder}/scores.parquet", whole[:-8])
    try:
        with pytest.raises(RequestError, match=r"scores\.parquet changed after it was written .*delete .* run again"):
            read_scores(made.store, folder)
    finally:
        made.store.write_bytes(f"{folder}/scores.parquet", whole)


def test_changed_weights_are_never_scored(trained: tuple[Tiny, Grid, CellJob]) -> None:
    made, _, job = trained
    other = job.model_copy(update={"cell_id": "changed"})
    train(made.store, other, device=CPU)
    weights = made.store.read_bytes(f"{other.folder}/{WEIGHTS}")
    made.store.write_bytes(f"{other.folder}/{WEIGHTS}", weights[:-1] + bytes([weights[-1] ^ 1]))
    with pytest.raises(RequestError, match=r"weights\.safetensors changed after it was written"):
        score(made.store, other, device=CPU)


def test_a_cell_that_is_not_trained_is_not_scored(trained: tuple[Tiny, Grid, CellJob]) -> None:
    made, _, job = trained
    with pytest.raises(FileNotFoundError, match="train the cell first"):
        score(made.store, job.model_copy(update={"cell_id": "new"}), device=CPU)


def test_audio_of_an_unfinished_rendition_is_an_error(trained: tuple[Tiny, Grid, CellJob]) -> None:
    made, grid, _ = trained
    other = dataclasses.replace(grid.renditions[0], seed=9, chain=grid.renditions[1].chain)
    with pytest.raises(RequestError, match="is not finished; run the experiment again"):
        RenditionAudio(made.store, other.folder, "test")
