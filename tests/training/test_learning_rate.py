"""Learning rates: each schedule at its first, middle and last step, as a pure function of the recipe."""

from __future__ import annotations

from typing import Any

import pytest

from grid.config.recipe import Recipe
from grid.training.learning_rate import learning_rate


def recipe(schedule: dict[str, Any]) -> Recipe:
    return Recipe.model_validate(
        {
            "epochs": 4,
            "batch_size": 8,
            "optimiser": {"learning_rate": 0.1},
            "schedule": schedule,
            "crop": {"samples": 1600},
        }
    )


def rates(schedule: dict[str, Any], steps: list[int]) -> list[float]:
    return [learning_rate(recipe(schedule), step, steps_per_epoch=10) for step in steps]


def test_constant_never_changes() -> None:
    assert rates({"kind": "constant"}, [0, 17, 39]) == [0.1, 0.1, 0.1]


def test_cosine_goes_from_the_rate_through_the_middle_to_the_floor() -> None:
    found = rates({"kind": "cosine", "floor": 0.02}, [0, 20, 40])
    assert found == pytest.approx([0.1, 0.06, 0.02])
    every = rates({"kind": "cosine", "floor": 0.02}, list(range(41)))
    assert every == sorted(every, reverse=True)


def test_warm_up_rises_from_nothing_and_the_cosine_begins_after_it() -> None:
    schedule = {"kind": "cosine", "floor": 0.02, "warm_up_epochs": 1}
    assert rates(schedule, [0, 5, 10, 25, 40]) == pytest.approx([0, 0.05, 0.1, 0.06, 0.02])


def test_exponential_falls_by_the_same_factor_during_the_warm_up_too() -> None:
    # ExponentialDecrease of zlin0/wedefense@e7287fe wedefense/utils/schedulers.py, with warm_from_zero
    schedule = {"kind": "exponential", "final": 0.001}
    assert rates(schedule, [0, 20, 40]) == pytest.approx([0.1, 0.01, 0.001])
    warm = rates(schedule | {"warm_up_epochs": 2.0}, [0, 10, 20, 40])
    assert warm == pytest.approx([0, 0.5 * 0.1 * 0.1**0.5, 0.01, 0.001])


def test_staircase_falls_after_whole_epochs() -> None:
    found = rates({"kind": "staircase", "every_epochs": 2, "factor": 0.5}, [0, 9, 19, 20, 39])
    assert found == pytest.approx([0.1, 0.1, 0.1, 0.05, 0.05])
