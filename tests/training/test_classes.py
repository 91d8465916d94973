"""A policy of several outputs: its classes and their counts, its loss, its scores under both labels of CoRS."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from grid.cells.job import CellJob, scores_folder
from grid.core.errors import RequestError
from grid.core.record import read_record
from grid.core.vocabulary import POOLED
from grid.corpus.holdings import role_of
from grid.experiment.grid import Grid
from grid.inputs.batches import UtteranceLoader
from grid.inputs.preparation import preparation_of
from grid.measuring.measure import measure_cell, scored_trials
from grid.metrics.detection import eer
from grid.policies import POLICIES
from grid.run_cell import run_cell
from grid.scoring.score_tables import read_scores
from grid.training.cell_items import CellDataset, weights_of_classes
from grid.training.losses import class_cross_entropy
from tests.support.tiny_grid import Tiny, tiny

pytestmark = pytest.mark.slow  # a fixture renders and trains

CLASSES = ("recorded", "CoRS", "generated", "CoSG")
ROLES = ("raw", "cors", "attack", "cosg")
CODECS = {"selections": [{"name": "both", "codecs": ["gsm-06.10", "mu-law"]}]}
ATTACKS = [{"name": "world", "through": "nothing"}, {"name": "world", "through": "selection"}]
EVALUATIONS = {
    "T-CoSG": {"bonafide": "raw", "spoof": "cosg"},
    "CoRS bona fide": {"bonafide": ["raw", "cors"], "spoof": ["attack", "cosg"]},
    "CoRS spoof": {"bonafide": "raw", "spoof": ["cors", "attack", "cosg"], "by": ["spoof-codec"]},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, Grid]:
    """A finished cell of `four-class` whose CoRS is spoof on dev, in a rendered tiny grid with attacks."""
    torch.set_num_threads(1)
    tiny_grid = tiny(
        tmp_path_factory.mktemp("classes"),
        grid=CODECS | {"policies": [{"label": "four-class", "target": 0}]},
        attacks=ATTACKS,
        evaluations=EVALUATIONS,
    )
    grid = tiny_grid.rendered()
    assert run_cell(tiny_grid.store, only(grid), grid.experiment, gpu=False)
    return tiny_grid, grid


def only(grid: Grid) -> CellJob:
    (job,) = grid.cells
    return job


def dataset(made: Tiny, job: CellJob, split: str = "train") -> CellDataset:
    return CellDataset(job, UtteranceLoader(made.store, preparation_of(made.store, job), split, job.seed), split)


def changed(job: CellJob, **changes: Any) -> CellJob:
    recipe = job.recipe.model_copy(update=changes.pop("recipe", {}))
    return job.model_copy(update={"recipe": recipe, **changes})


def test_the_class_of_an_item_is_that_of_its_role(made: tuple[Tiny, Grid]) -> None:
    data = dataset(made[0], only(made[1]))
    items = data.training_set.items(0)
    tables = [source.table for source in data.training_set.sources]
    for number, row, target in zip(items.source, items.row, data.targets(items), strict=True):
        utterance = tables[number].slice(row, 1).to_pylist()[0]
        assert ROLES[target] == role_of(utterance["key"], utterance["attack"], utterance["codec"])
    assert set(data.targets(items)) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    "mixing",
    [
        {"how": "append", "draw": "each"},
        {"how": "append", "draw": "one"},
        {"how": "replace", "draw": "one", "probability": 0.5},
    ],
    ids=["append-each", "append-one", "replace"],
)
def test_expected_items_of_classes_are_the_mean_of_many_epochs(made: tuple[Tiny, Grid], mixing: dict[str, Any]) -> None:
    job = only(made[1])
    data = dataset(made[0], job.model_copy(update={"mixing": job.mixing.model_copy(update=mixing)}))
    epochs = 400
    counts: Counter[int] = Counter()
    for epoch in range(epochs):
        counts.update(data.targets(data.training_set.items(epoch)).tolist())
    expected = data.items_of_classes()
    assert tuple(expected) == CLASSES
    recordings = sum(source.is_bonafide.sum() for source in data.training_set.recordings)
    deviation = 5 * np.sqrt(recordings / 4 / epochs)  # a recording is a draw of at most this variance
    assert [counts[i] / epochs for i in range(4)] == pytest.approx(list(expected.values()), abs=deviation)


def test_class_weights_are_inverse_to_the_items_or_follow_the_key(made: tuple[Tiny, Grid]) -> None:
    job = only(made[1])
    by_prior = dataset(made[0], changed(job, recipe={"class_weights": "prior"}))
    items, weights = list(by_prior.items_of_classes().values()), weights_of_classes(by_prior)
    assert [weight * count for weight, count in zip(weights, items, strict=True)] == pytest.approx([sum(items) / 4] * 4)
    by_key = dataset(made[0], changed(job, recipe={"class_weights": (0.1, 0.9)}))
    assert weights_of_classes(by_key) == (0.9, 0.1, 0.1, 0.1)
    assert weights_of_classes(dataset(made[0], changed(job, recipe={"class_weights": "none"}))) == (1, 1, 1, 1)


def test_a_class_without_items_has_no_weight_and_a_warning(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    made = tiny(tmp_path, grid={"selections": ["mu-law"], "policies": ["four-class"]}, recipe={"epochs": 1})
    grid = made.rendered()
    job = changed(only(grid), recipe={"class_weights": "prior"})
    assert run_cell(made.store, job, grid.experiment, gpu=False)
    record = read_record(made.store, job.folder)
    assert record is not None
    assert "class CoSG has no training item" in record.results["warnings"]
    assert record.results["class_weights"]["CoSG"] == 0
    assert record.results["train_items_of_classes"] == {"recorded": 4, "CoRS": 4, "generated": 4, "CoSG": 0}


def test_a_role_without_a_class_is_an_error(made: tuple[Tiny, Grid]) -> None:
    job = only(made[1])
    data = dataset(made[0], job.model_copy(update={"classes": job.classes[:3]}))
    with pytest.raises(RequestError, match=r"policy 'four-class-0' has no class for utterances of role 'cosg'"):
        data.targets(data.training_set.items(0))


def test_loss_is_the_weighted_mean_of_negative_log_posteriors() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, classes = torch.randn(6, 4, generator=generator), torch.tensor([0, 1, 2, 3, 1, 1])
    weights = torch.tensor([1.0, 0.5, 2.0, 3.0])
    of_item = weights[classes]
    expected = -(of_item * functional.log_softmax(logits, 1)[range(6), classes]).sum() / of_item.sum()
    assert torch.allclose(class_cross_entropy(logits, classes, weights), expected)


def test_scores_are_log_posterior_ratios_under_both_labels_of_cors(made: tuple[Tiny, Grid]) -> None:
    store, job = made[0].store, only(made[1])
    assert job.scored
    for folder in job.scored:
        table = read_scores(store, scores_folder(job.folder, folder)).to_pandas()
        posterior = np.exp(table[[f"log_posterior_{name}" for name in CLASSES]].to_numpy())
        assert posterior.sum(axis=1) == pytest.approx(1)
        recorded, cors, generated, cosg = posterior.T
        as_bonafide = np.log(recorded + cors) - np.log(generated + cosg)
        as_spoof = np.log(recorded) - np.log(cors + generated + cosg)
        assert table["score_cors_bonafide"].to_numpy() == pytest.approx(as_bonafide, abs=1e-9)
        assert table["score_cors_spoof"].to_numpy() == pytest.approx(as_spoof, abs=1e-9)
        assert table["score"].to_numpy() == pytest.approx(as_spoof, abs=1e-9)  # its label on dev


def test_an_evaluation_takes_the_scores_under_its_own_label_of_cors(made: tuple[Tiny, Grid]) -> None:
    store, grid = made[0].store, made[1]
    trials = scored_trials(store, only(grid)).table
    found = {
        item.evaluation: item.eer
        for item in measure_cell(store, only(grid), grid.experiment)
        if item.condition == POOLED
    }
    for name, column in (
        ("T-CoSG", "score"),
        ("CoRS bona fide", "score_cors_bonafide"),
        ("CoRS spoof", "score_cors_spoof"),
    ):
        choice = grid.experiment.evaluations[name]
        classes = [trials[column][trials["role"].isin(roles)].to_numpy() for roles in (choice.bonafide, choice.spoof)]
        assert found[name] == eer(classes[0], classes[1]).eer


def test_a_target_between_the_labels_is_refused() -> None:
    with pytest.raises(RequestError, match=r"policy 'four-class' takes target 1 .* or 0 \(spoof\), not 0\.5"):
        POLICIES.get("four-class").target("both", 0.5)
