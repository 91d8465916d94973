"""Training: a resumed one is bit-equal to an uninterrupted one; stopping, selection and weights follow the recipe."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load

from grid.cells.job import HISTORY, STATE, WEIGHTS, CellJob, Mixing, scores_folder
from grid.cells.status import planned_action
from grid.config.recipe import Recipe
from grid.core.errors import RequestError
from grid.core.record import read_record
from grid.core.store import Store
from grid.detectors.network import build_detector
from grid.detectors.weights import load_weights
from grid.experiment.frozen import freeze
from grid.experiment.grid import Grid
from grid.metrics.detection import EerResult
from grid.scoring.score import score
from grid.scoring.score_tables import read_scores
from grid.training.checkpoint import Epoch
from grid.training.train import train
from tests.support.tiny_grid import Tiny, tiny

CPU = torch.device("cpu")

KILLED_TRAINING = """
import os, signal, sys
import torch
from grid.cells.job import read_job
from grid.core.store import Store
from grid.training.train import train


torch.set_num_threads(1)
store = Store.open(sys.argv[1])
train(store, read_job(store, sys.argv[2]), device=torch.device("cpu"),
      report=lambda job, epoch: os.kill(os.getpid(), signal.SIGKILL))
"""


class StopError(Exception):
    """What interrupts a training in these tests."""


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, Grid]:
    """Recordings, an attack of the corpus, and two codecs."""
    made = tiny(
        tmp_path_factory.mktemp("train"),
        grid={"selections": [{"name": "both", "codecs": ["gsm-06.10", "mu-law"]}]},
        recipe={"epochs": 3},
    )
    grid = made.rendered()
    freeze(made.store, grid)
    return made, grid


@pytest.fixture
def cell(rendered: tuple[Tiny, Grid], request: pytest.FixtureRequest) -> Callable[..., tuple[Store, CellJob]]:
    """Makes a fresh cell over the rendered audio: the policy `spoof`, with changes of the recipe or the job."""
    made, grid = rendered
    base = next(job for job in grid.cells if job.policy == "spoof")
    number = 0

    def fresh(recipe: dict[str, Any] | None = None, **changes: Any) -> tuple[Store, CellJob]:
        nonlocal number
        number += 1
        name = f"{abs(hash(request.node.name)):x}-{number}"
        changed = Recipe.model_validate(base.recipe.model_dump() | (recipe or {}))
        return made.store, base.model_copy(update={"cell_id": name, "recipe": changed, **changes})

    return fresh


def run(store: Store, job: CellJob, **arguments: Any) -> dict[str, Any]:
    return train(store, job, device=CPU, **arguments).results


def outcome(store: Store, job: CellJob) -> tuple[bytes, list[dict[str, Any]], list[list[float]]]:
    """The weights, the epochs without their times, and all scores."""
    score(store, job, device=CPU)
    epochs = store.read_json(f"{job.folder}/{HISTORY}")["epochs"]
    scores = [read_scores(store, scores_folder(job.folder, folder))["score"].to_pylist() for folder in job.scored]
    weights = store.read_bytes(f"{job.folder}/{WEIGHTS}")
    return weights, [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in epochs], scores


def stop_after(number: int) -> Callable[[CellJob, Epoch], None]:
    def report(job: CellJob, epoch: Epoch) -> None:
        if epoch.epoch == number:
            raise StopError

    return report


@pytest.mark.parametrize(
    ("recipe", "mixing"),
    [
        ({}, None),
        (
            {"schedule": {"kind": "cosine", "floor": 0.0001}, "early_stopping": {"patience": 5}},
            Mixing(how="replace", probability=0.5, draw="one"),
        ),
    ],
    ids=["append", "replace-cosine"],
)
@pytest.mark.slow
def test_interrupted_after_an_epoch_ends_as_never_interrupted(
    cell: Any, recipe: dict[str, Any], mixing: Mixing | None
) -> None:
    changes = {} if mixing is None else {"mixing": mixing}
    store, straight = cell(recipe, **changes)
    run(store, straight)
    _, resumed = cell(recipe, **changes)
    for number in (0, 1):
        with pytest.raises(StopError):
            run(store, resumed, report=stop_after(number))
    assert store.exists(f"{resumed.folder}/{STATE}")
    assert planned_action(store, resumed) == ("resume", "2 of 3 epochs are there")
    run(store, resumed)
    assert outcome(store, resumed) == outcome(store, straight)
    assert not store.exists(f"{resumed.folder}/{STATE}")


@pytest.mark.slow
def test_killed_after_its_first_epoch_ends_as_never_killed(rendered: tuple[Tiny, Grid], cell: Any) -> None:
    made, grid = rendered
    killed = next(job for job in grid.cells if job.policy == "bonafide")
    done = subprocess.run(
        [sys.executable, "-c", KILLED_TRAINING, made.store.root, killed.cell_id], capture_output=True, timeout=120
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert planned_action(made.store, killed) == ("resume", "1 of 3 epochs are there")
    reported: list[int] = []
    run(made.store, killed, report=lambda job, epoch: reported.append(epoch.epoch))
    assert reported == [1, 2]
    _, straight = cell(cors=killed.cors)
    run(made.store, straight)
    assert outcome(made.store, killed) == outcome(made.store, straight)


def test_stopped_between_history_and_state_loses_nothing(cell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store, job = cell({"epochs": 1})

    def fail(*arguments: object) -> None:
        raise StopError

    with monkeypatch.context() as patched:
        patched.setattr("grid.training.cell_training.save_state", fail)
        with pytest.raises(StopError):
            run(store, job)
    run(store, job)
    assert [epoch["epoch"] for epoch in store.read_json(f"{job.folder}/{HISTORY}")["epochs"]] == [0]


def test_a_finished_cell_is_read_not_trained(cell: Any) -> None:
    store, job = cell({"epochs": 1})
    first = train(store, job, device=CPU)
    assert train(store, job, device=CPU, report=stop_after(0)) == first


def test_last_epoch_is_saved_and_counted(cell: Any) -> None:
    store, job = cell({"model_selection": "last"})
    results = run(store, job)
    epochs = store.read_json(f"{job.folder}/{HISTORY}")["epochs"]
    assert [epoch["epoch"] for epoch in epochs] == [0, 1, 2]
    assert (results["epochs"], results["best_epoch"], results["dev_eer"]) == (3, 2, epochs[2]["dev_eer"])
    assert results.get("dev_threshold") == epochs[2]["dev_threshold"]


def with_dev_eers(monkeypatch: pytest.MonkeyPatch, *values: float) -> None:
    """Makes dev EERs be `values`, epoch by epoch."""
    given = iter(values)
    monkeypatch.setattr("grid.training.gang.dev_eer", lambda *arguments: EerResult(next(given), 0.5))


@pytest.mark.parametrize(("selection", "epoch"), [("best dev EER", 1), ("last", 3)])
@pytest.mark.slow
def test_model_selection_keeps_the_weights_of_its_epoch(
    cell: Any, monkeypatch: pytest.MonkeyPatch, selection: str, epoch: int
) -> None:
    recipe = {"epochs": 4, "model_selection": selection}
    with_dev_eers(monkeypatch, 0.3, 0.1, 0.1, 0.2)
    store, job = cell(recipe)
    results = run(store, job)
    _, shorter = cell({"epochs": epoch + 1, "model_selection": "last"})
    with_dev_eers(monkeypatch, *[0.5] * 4)
    run(store, shorter)
    assert results["best_epoch"] == epoch
    weights = [store.read_bytes(f"{each.folder}/{WEIGHTS}") for each in (job, shorter)]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("minimum_change", "eers", "epochs"),
    [
        (0.0, [0.5, 0.4, 0.4, 0.4, 0.1], 4),
        (0.0, [0.5, 0.4, 0.45, 0.3, 0.3, 0.3], 6),
        (0.05, [0.5, 0.48, 0.46, 0.1], 3),
    ],
)
def test_early_stopping_counts_epochs_without_gain(
    cell: Any, monkeypatch: pytest.MonkeyPatch, minimum_change: float, eers: list[float], epochs: int
) -> None:
    with_dev_eers(monkeypatch, *eers, 1, 1, 1)
    store, job = cell({"epochs": 8, "early_stopping": {"patience": 2, "minimum_change": minimum_change}})
    results = run(store, job)
    assert (results["epochs"], results["stopped_early"]) == (epochs, True)


def test_early_stopping_survives_an_interruption(cell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store, job = cell({"epochs": 8, "early_stopping": {"patience": 2}})
    with_dev_eers(monkeypatch, 0.4, 0.4, 0.4)
    with pytest.raises(StopError):
        run(store, job, report=stop_after(1))
    assert run(store, job)["epochs"] == 3


FALL = [0.2 - 0.0008 * epoch for epoch in range(8)]


@pytest.mark.parametrize(("compared_with", "epochs"), [("lowest", 4), ("last gain", 8)])
def test_early_stopping_keeps_its_rule_over_an_interruption(
    cell: Any, monkeypatch: pytest.MonkeyPatch, compared_with: str, epochs: int
) -> None:
    stopping = {"patience": 3, "minimum_change": 0.001, "compared_with": compared_with}
    store, job = cell({"epochs": 8, "early_stopping": stopping})
    with_dev_eers(monkeypatch, *FALL)
    with pytest.raises(StopError):
        run(store, job, report=stop_after(1))
    results = run(store, job)
    assert (results["epochs"], results["stopped_early"]) == (epochs, epochs < 8)


@pytest.mark.parametrize(("ties", "epoch"), [("first", 1), ("last", 2)])
def test_ties_of_the_best_dev_eer_are_kept_by_the_recipe(
    cell: Any, monkeypatch: pytest.MonkeyPatch, ties: str, epoch: int
) -> None:
    store, job = cell({"epochs": 4, "ties": ties})
    with_dev_eers(monkeypatch, 0.3, 0.1, 0.1, 0.2)
    with pytest.raises(StopError):
        run(store, job, report=stop_after(1))
    assert run(store, job)["best_epoch"] == epoch


def test_polarity_dev_eer_above_half_is_a_warning(
    cell: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with_dev_eers(monkeypatch, 0.9, 0.8)
    store, job = cell({"epochs": 2})
    (warning,) = run(store, job)["warnings"]
    assert warning.startswith("dev EER is 80.0%, above 50 %: the detector ranks the classes the wrong way round")
    assert warning in caplog.text


@pytest.mark.slow
def test_polarity_swapped_labels_on_dev_alone_are_noticed(tmp_path: Path) -> None:
    recipe = {"epochs": 20, "optimiser": {"learning_rate": 0.01}, "model_selection": "last"}
    made = tiny(tmp_path, corpus={"speakers": 4}, grid={"policies": ["none"]}, recipe=recipe)
    protocol = tmp_path / "corpus" / "protocol.csv"
    swapped = {"bonafide": "spoof", "spoof": "bonafide"}
    lines = [
        ",".join(swapped.get(field, field) for field in line.split(",")) if ",dev," in line else line
        for line in protocol.read_text().splitlines()
    ]
    protocol.write_text("\n".join(lines) + "\n")
    (job,) = made.rendered().cells
    results = run(made.store, job)
    assert results["dev_eer"] > 0.5
    assert len(results["warnings"]) == 1


def test_class_weights_follow_the_prior_or_the_recipe(cell: Any) -> None:
    found = []
    for chosen in ("prior", "none", (0.1, 0.9)):
        store, job = cell({"epochs": 1, "class_weights": chosen})
        found.append(run(store, job))
    # 4 recordings, 4 spoofs of the corpus, 4 each of two codecs labelled spoof
    assert (found[0]["train_bonafide_items"], found[0]["train_spoof_items"]) == (4, 12)
    assert found[0]["class_weights"] == pytest.approx({"bonafide": 2.0, "spoof": 2 / 3})
    assert found[1]["class_weights"] == {"bonafide": 1.0, "spoof": 1.0}
    assert found[2]["class_weights"] == {"bonafide": 0.9, "spoof": 0.1}


def test_replace_keeps_the_number_of_items(cell: Any) -> None:
    store, job = cell({"epochs": 1}, mixing=Mixing(how="replace", probability=0.5, draw="one"))
    results = run(store, job)
    assert store.read_json(f"{job.folder}/{HISTORY}")["epochs"][0]["items"] == 8
    assert (results["train_bonafide_items"], results["train_spoof_items"]) == (2, 6)


def test_loss_that_is_not_finite_is_an_error_with_advice(cell: Any) -> None:
    store, job = cell({"epochs": 4})
    rate = job.recipe.optimiser.model_copy(update={"learning_rate": 1e30})  # no recipe file may have it
    job = job.model_copy(update={"recipe": job.recipe.model_copy(update={"optimiser": rate})})
    message = r"the training loss is (nan|inf); lower the learning rate .*output of utterance 'train-s\d-u\d.* is not"
    with pytest.raises(FloatingPointError, match=message):
        run(store, job)
    assert read_record(store, job.folder) is None


def test_bfloat16_trains_on_a_cpu(cell: Any) -> None:
    store, job = cell({"epochs": 1, "precision": "bfloat16"})
    assert 0 <= run(store, job)["dev_eer"] <= 1


def test_a_split_of_one_class_is_an_error_that_names_it(tmp_path: Path) -> None:
    evaluations = {"cors": {"bonafide": "raw", "spoof": "cors"}}
    axes = {"policies": ["bonafide"], "selections": ["mu-law"]}
    made = tiny(tmp_path, corpus={"spoof": False}, grid=axes, evaluations=evaluations)
    (job,) = made.rendered().cells
    with pytest.raises(RequestError, match="split train: there is no spoof item to train on: 8 bona fide and 0 spoof"):
        run(made.store, job)


def test_weights_are_those_of_a_detector_of_the_same_spec(cell: Any) -> None:
    store, job = cell({"epochs": 1})
    run(store, job)
    detector = build_detector(job.detector_spec, seed=1)
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    load_weights(detector, store.uri(f"{job.folder}/{WEIGHTS}"))
    assert any(not torch.equal(before[name], value) for name, value in detector.state_dict().items())


def test_cells_of_two_seeds_start_from_other_weights(cell: Any) -> None:
    losses = []
    for seed in (0, 1):
        store, job = cell({"epochs": 1}, seed=seed)
        run(store, job)
        losses.append(store.read_json(f"{job.folder}/{HISTORY}")["epochs"][0]["train_loss"])
    assert losses[0] != losses[1]


@pytest.mark.parametrize(
    ("recipe", "epochs"),
    [
        ({"model_selection": "average of improvements"}, [0, 2, 3]),  # those as good as the best so far
        ({"model_selection": "average of the best", "averaged_epochs": 2}, [0, 3]),
    ],
    ids=["swa", "best"],
)
@pytest.mark.slow
def test_an_average_is_of_the_epochs_that_its_rule_names(
    cell: Any, monkeypatch: pytest.MonkeyPatch, recipe: dict[str, Any], epochs: list[int]
) -> None:
    with_dev_eers(monkeypatch, 0.3, 0.4, 0.3, 0.2)
    store, job = cell({"epochs": 4, **recipe})
    results = run(store, job)
    assert (results["best_epoch"], results["dev_eer"]) == (3, 0.2)
    weights = [load(store.read_bytes(f"{job.folder}/{WEIGHTS}"))]
    for epoch in epochs:
        with_dev_eers(monkeypatch, *[0.5] * 4)
        _, shorter = cell({"epochs": epoch + 1, "model_selection": "last"})
        run(store, shorter)
        weights.append(load(store.read_bytes(f"{shorter.folder}/{WEIGHTS}")))
    average, *parts = weights
    recomputed = "running" if recipe["model_selection"] == "average of improvements" else "num_batches"
    for name, value in average.items():
        if recomputed not in name and "num_batches" not in name:
            torch.testing.assert_close(value, torch.stack([part[name] for part in parts]).mean(0))
    assert results.get("averaged_epochs", epochs) == epochs


ALL_PARTS = {
    "model_selection": "average of the best",
    "averaged_epochs": 2,
    "optimiser": {"kind": "adamw", "learning_rate": 0.002, "batches_per_step": 2, "largest_norm": 0.5},
    "schedule": {"kind": "cosine", "floor": 0.0001, "warm_up_epochs": 1},
}


@pytest.mark.parametrize("recipe", [{"model_selection": "average of improvements"}, ALL_PARTS], ids=["swa", "best"])
def test_an_average_survives_an_interruption(cell: Any, recipe: dict[str, Any]) -> None:
    store, straight = cell(recipe)
    run(store, straight)
    _, resumed = cell(recipe)
    with pytest.raises(StopError):
        run(store, resumed, report=stop_after(0))
    run(store, resumed)
    assert outcome(store, resumed) == outcome(store, straight)


def test_corpus_prior_does_not_follow_the_policy(cell: Any) -> None:
    store, job = cell({"epochs": 1, "class_weights": "corpus prior"})
    # 4 recordings and 4 spoofs of the corpus; the CoRS labelled spoof does not count
    assert run(store, job)["class_weights"] == {"bonafide": 1.0, "spoof": 1.0}
