"""Model selection and early stopping by dev EER, against a few lines that restate the rule of each source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from grid.config.recipe import EarlyStopping, Recipe, load_recipe
from grid.training.epoch_rules import best_epochs, epochs_without_gain, is_kept
from tests.support.tiny_grid import RECIPE

SLOW_FALL = [0.2 - 0.0008 * epoch for epoch in range(50)]  # 0.08 points an epoch
SEQUENCES = [
    SLOW_FALL,
    [0.3] * 14,
    [0.3, 0.2, 0.1, *[0.0995] * 12],
    [0.2, 0.1995, 0.1989, *[0.1985] * 12],  # the two small gains of IMS-ADD add up to one
    [0.1, *[0.3, 0.2, 0.1] * 5],
    [0.5, 0.4, *[0.41] * 9, 0.39, *[0.4] * 12],
]


def stop_of(stopping: EarlyStopping, dev_eers: Sequence[float]) -> int | None:
    """The number of epochs after which a training with these dev EERs stops early."""
    counts = (epochs_without_gain(stopping, dev_eers[:n]) for n in range(1, len(dev_eers) + 1))
    return next((n for n, count in enumerate(counts, start=1) if count >= stopping.patience), None)


def stop_of_ims_add(dev_eers: Sequence[float], patience: int = 10, delta: float = 0.001) -> int | None:
    """IMS-ADD (codec-add, 8bc6e98), early_stop.py: its best moves on a gain larger than min_delta alone."""
    best, waited = float("inf"), 0
    for number, value in enumerate(dev_eers, start=1):
        enough = value < best - delta
        best, waited = (value, 0) if enough else (best, waited + 1)
        if waited >= patience:
            return number
    return None


def stop_by_the_lowest(dev_eers: Sequence[float], patience: int = 10, delta: float = 0.001) -> int | None:
    """The rule of the default: compared is the minimum of all earlier epochs."""
    gains = [0] + [n for n in range(1, len(dev_eers)) if dev_eers[n] < min(dev_eers[:n]) - delta]
    ends = [gain + patience for gain, later in zip(gains, [*gains[1:], 10**6], strict=True) if later - gain > patience]
    return next((end + 1 for end in ends if end < len(dev_eers)), None)


@pytest.mark.parametrize("dev_eers", SEQUENCES)
def test_early_stopping_is_the_rule_of_its_source(dev_eers: list[float]) -> None:
    theirs = EarlyStopping(patience=10, minimum_change=0.001, compared_with="last gain")
    assert stop_of(theirs, dev_eers) == stop_of_ims_add(dev_eers)
    assert stop_of(EarlyStopping(patience=10, minimum_change=0.001), dev_eers) == stop_by_the_lowest(dev_eers)


def test_a_slow_fall_stops_by_the_lowest_and_never_by_the_last_gain() -> None:
    by_lowest = EarlyStopping(patience=10, minimum_change=0.001)
    assert stop_of(by_lowest, SLOW_FALL) == 11  # epoch 10, counted from 0
    assert stop_of(by_lowest.model_copy(update={"compared_with": "last gain"}), SLOW_FALL) is None


@pytest.mark.parametrize("name", ["cdd-paper", "cdd-code"])
def test_the_recipes_of_cdd_stop_as_its_code(name: str) -> None:
    stopping = load_recipe(name).early_stopping
    assert stopping is not None
    assert [stop_of(stopping, each) for each in SEQUENCES] == [stop_of_ims_add(each) for each in SEQUENCES]


def kept_epochs(recipe: Recipe, dev_eers: Sequence[float]) -> list[int]:
    """The epochs whose weights are kept, one after the other."""
    best, kept = float("inf"), []
    for epoch, value in enumerate(dev_eers):
        if is_kept(recipe, value, best):
            best = value
            kept.append(epoch)
    return kept


def kept_by_clovaai(dev_eers: Sequence[float]) -> list[int]:
    """clovaai/aasist a04c986, main.py, and CodecDetect 8e5f5f4: an epoch that is not worse than the best."""
    return [n for n, value in enumerate(dev_eers) if all(value <= earlier for earlier in dev_eers[:n])]


def kept_by_ims_add(dev_eers: Sequence[float]) -> list[int]:
    """IMS-ADD, write_train_output.py: an epoch that is better than the best."""
    return [n for n, value in enumerate(dev_eers) if all(value < earlier for earlier in dev_eers[:n])]


@pytest.mark.parametrize(
    ("dev_eers", "first", "last"),
    [
        ([0.3, 0.1, 0.1, 0.2], 1, 2),
        ([0.0, 0.0, 0.0, 0.0], 0, 3),
        ([0.4, 0.3, 0.3, 0.1, 0.2, 0.1], 3, 5),
        ([0.4, 0.3, 0.2, 0.1], 3, 3),
        ([0.1, 0.2, 0.3], 0, 0),
    ],
)
def test_ties_are_kept_as_the_source_keeps_them(dev_eers: list[float], first: int, last: int) -> None:
    def recipe(**changes: Any) -> Recipe:
        return Recipe.model_validate(RECIPE | changes)

    assert kept_epochs(recipe(), dev_eers) == kept_by_ims_add(dev_eers)
    assert kept_epochs(recipe(ties="last"), dev_eers) == kept_by_clovaai(dev_eers)
    assert kept_epochs(recipe(model_selection="average of improvements"), dev_eers) == kept_by_clovaai(dev_eers)
    assert kept_epochs(recipe(model_selection="last"), dev_eers) == list(range(len(dev_eers)))
    assert (kept_by_ims_add(dev_eers)[-1], kept_by_clovaai(dev_eers)[-1]) == (first, last)


@pytest.mark.parametrize(
    ("dev_eers", "ties", "epochs"),
    [
        ([0.3, 0.1, 0.4, 0.2], "first", [1, 3]),
        ([0.3], "first", [0]),
        ([0.3, 0.1, 0.3], "first", [0, 1]),
        ([0.3, 0.1, 0.3], "last", [1, 2]),
    ],
)
def test_best_epochs_are_those_with_the_lowest_dev_eers(dev_eers: list[float], ties: str, epochs: list[int]) -> None:
    recipe = RECIPE | {"model_selection": "average of the best", "averaged_epochs": 2, "ties": ties}
    assert best_epochs(Recipe.model_validate(recipe), dev_eers) == epochs


@pytest.mark.parametrize(
    ("name", "ties"),
    [
        ("cdd-paper", "first"),
        ("cdd-code", "first"),
        ("codecfake-paper", "last"),
        ("codecfake-plus-paper", "first"),
        ("codecfake-plus-aasist", "last"),
        ("codecfake-plus-aasist-codec-level", "last"),
    ],
)
def test_ties_of_the_recipes_of_papers(name: str, ties: str) -> None:
    assert load_recipe(name).ties == ties
