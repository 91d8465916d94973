"""The exact interval of an EER: equal to Clopper and Pearson's where both classes agree, and as true as it says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta, norm

from grid.metrics.detection import eer
from grid.metrics.exact_interval import exact_eer_interval


def test_interval_without_an_error_is_clopper_and_pearsons() -> None:
    # no error in n trials: the upper end is 1 - a^(1/n), with a half of half of 5 % for two classes and two ends
    assert exact_eer_interval(0.0, 20, 20) == (0.0, pytest.approx(1 - 0.0125 ** (1 / 20)))
    assert exact_eer_interval(0.0, 20, 50) == (0.0, pytest.approx(1 - 0.0125 ** (1 / 20)))


def test_interval_of_a_rate_is_clopper_and_pearsons_of_the_smaller_class() -> None:
    lower, upper = exact_eer_interval(0.3, 10, 1000)
    assert lower == pytest.approx(beta.ppf(0.0125, 3, 8))
    assert upper == pytest.approx(beta.ppf(0.9875, 4, 7))


@pytest.mark.parametrize(("n_bonafide", "n_spoof"), [(20, 20), (10, 80)])
@pytest.mark.parametrize("rate", [0.05, 0.3, 0.5])
def test_interval_holds_the_true_eer_as_often_as_it_says(rate: float, n_bonafide: int, n_spoof: int) -> None:
    # unit normal scores whose means differ by d have an EER of norm.cdf(-d / 2)
    shift, draw = -2 * norm.ppf(rate), np.random.default_rng(1)
    held = 0
    for _ in range(100):
        found = eer(draw.standard_normal(n_bonafide) + shift, draw.standard_normal(n_spoof)).eer
        lower, upper = exact_eer_interval(found, n_bonafide, n_spoof)
        held += lower <= rate <= upper
    assert held >= 0.95 * 100
