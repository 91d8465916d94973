"""Cells of 0 epochs: published weights are scored unchanged, with a dev EER where dev has both classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load

from grid.cells.job import HISTORY, WEIGHTS, scores_folder
from grid.cells.status import cell_state
from grid.config.recipe import load_recipe
from grid.core.errors import RequestError
from grid.core.identity import file_digest
from grid.core.record import read_record
from grid.detectors.network import build_detector
from grid.detectors.spec import load_detector_spec
from grid.detectors.weights import find_initial_weights, load_weights, model_bytes
from grid.inputs.batches import UtteranceLoader
from grid.inputs.preparation import preparation_of
from grid.metrics.detection import eer
from grid.run_cell import run_cell
from grid.scoring.gang_detectors import build_gang_forward
from grid.scoring.score import score_rendition
from grid.scoring.score_tables import read_scores
from tests.support.tiny_grid import Tiny, tiny

PUBLISHED = "published/tiny.safetensors"
CPU = torch.device("cpu")


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The recipe of 0 epochs whose weights are those of seed 5, which no cell of the grid would draw."""
    made = tiny(tmp_path / "other")
    detector = build_detector(made.grid.detectors["tiny"], seed=5)
    path = tmp_path / "weights" / PUBLISHED
    path.parent.mkdir(parents=True)
    path.write_bytes(model_bytes(detector))
    monkeypatch.setenv("CODECGRID_WEIGHTS", str(tmp_path / "weights"))
    return {"epochs": 0, "initial_weights": {"path": PUBLISHED, "source": "nowhere", "sha256": file_digest(path)}}


def run(made: Tiny) -> tuple[dict[str, Any], bytes]:
    """The results and the weights of the only cell, brought to its end."""
    grid = made.rendered()
    (job,) = grid.cells
    assert run_cell(made.store, job, grid.experiment, gpu=False)
    assert cell_state(made.store, job).status == "done"
    record = read_record(made.store, job.folder)
    assert record is not None
    assert made.store.read_json(f"{job.folder}/{HISTORY}") == {"epochs": []}
    return record.results, made.store.read_bytes(f"{job.folder}/{WEIGHTS}")


def test_untrained_cell_keeps_and_scores_the_published_weights(tmp_path: Path, published: dict[str, Any]) -> None:
    made = tiny(tmp_path, grid={"selections": ["mu-law"], "policies": ["none"]}, recipe=published)
    results, weights = run(made)
    expected = (tmp_path / "weights" / PUBLISHED).read_bytes()
    kept, given = load(weights), load(expected)
    assert kept.keys() == given.keys()
    assert all(torch.equal(kept[name], given[name]) for name in kept)

    (job,) = made.grid.cells
    detector = build_detector(job.detector_spec, seed=0)
    load_weights(detector, tmp_path / "weights" / PUBLISHED)
    forward = build_gang_forward([job], [detector])
    for split, folder in (("dev", job.recordings[0]), ("test", job.scored[0])):
        audio = UtteranceLoader(made.store, preparation_of(made.store, job), split, job.seed)  # type: ignore[arg-type]
        (found,) = score_rendition(forward, [detector], audio, folder, batch_size=16, device=CPU)
        if split == "dev":
            bonafide = np.array(audio.source(folder).table["key"].to_pylist()) == "bonafide"
            assert results["dev_eer"] == eer(found.scores[bonafide], found.scores[~bonafide]).eer
        else:
            scored = read_scores(made.store, scores_folder(job.folder, folder))["score"].to_pylist()
            assert scored == found.scores.tolist()


def test_untrained_cell_of_a_corpus_without_spoofs_is_tested_without_dev_eer(
    tmp_path: Path, published: dict[str, Any]
) -> None:
    made = tiny(
        tmp_path,
        corpus={"spoof": False},
        grid={"selections": ["mu-law"], "policies": ["none"]},
        evaluations={"CoRS": {"bonafide": "raw", "spoof": "cors", "by": "codec"}},
        recipe=published,
    )
    results, _ = run(made)
    assert "dev_eer" not in results
    assert results["epochs"] == 0


def test_no_epochs_without_initial_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"with epochs 0 nothing is trained: name the initial_weights"):
        _ = tiny(tmp_path, recipe={"epochs": 0}).grid


@pytest.mark.parametrize("name", ["aasist", "aasist-l"])
def test_published_detectors_of_asvspoof_2019_load_their_weights(name: str, shared_weights: Path) -> None:
    recipe = load_recipe(f"{name}-2019la-published")
    path = find_initial_weights(recipe)
    assert path is not None
    assert recipe.epochs == 0
    load_weights(build_detector(load_detector_spec(f"{name}-2019la"), seed=0), path)
    same = load_detector_spec(name)
    assert load_detector_spec(f"{name}-2019la").identity() == same.identity()


def test_weights_without_a_digest_are_found_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CODECGRID_WEIGHTS", str(tmp_path))
    recipe = load_recipe("spectra-0-published")
    (tmp_path / "lab260" / "spectra_0").mkdir(parents=True)
    file = tmp_path / "lab260" / "spectra_0" / "model.safetensors"
    file.write_bytes(b"")
    assert find_initial_weights(recipe) == file
    assert "lab260/spectra_0/model.safetensors: no commit and no digest is known" in caplog.text
