"""How well a number separates the classes: whichever is larger, and no leak by chance."""

from __future__ import annotations

import numpy as np
import pytest

from grid.core.errors import RequestError
from grid.metrics.separation import separation


def test_separation_finds_prompts_of_one_length_whichever_class_is_longer() -> None:
    # the leak of published demo sets: prompts of 3.0 s, outputs of any length
    prompts, outputs = [3.0] * 10, [3.5, 4.0, 7.0, 9.0]
    found = separation(prompts, outputs)
    assert (found.eer, found.bonafide_is_larger) == (0.0, False)
    assert (found.bonafide_median, found.spoof_median, found.n_bonafide, found.n_spoof) == (3.0, 5.5, 10, 4)
    turned = separation(outputs, prompts)
    assert (turned.eer, turned.bonafide_is_larger) == (0.0, True)


def test_separation_of_a_constant_is_chance() -> None:
    found = separation([1.0] * 100, [1.0] * 100)
    assert found.eer == 0.5
    assert found.lower < 0.5 < found.upper
    assert not found.leaks


def test_a_few_utterances_that_happen_to_differ_are_no_leak_and_many_are() -> None:
    assert separation([2.0] * 8, [1.0] * 8).eer == 0.0
    assert not separation([2.0] * 8, [1.0] * 8).leaks
    assert separation([2.0] * 20, [1.0] * 20).leaks
    draw = np.random.default_rng(0)
    alike = [separation(draw.standard_normal(20), draw.standard_normal(20)) for _ in range(100)]
    assert min(found.eer for found in alike) < 0.35
    assert not any(found.leaks for found in alike)


def test_separation_without_a_class_names_the_condition() -> None:
    with pytest.raises(RequestError, match="e/attack=x"):
        separation([], [1.0], condition="e/attack=x")
