"""DET curves: FRR at fixed FAR by hand, and bands that hold the curve and repeat."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from grid.metrics.det_curve import FALSE_ALARM_RATES, det_curve


def test_rates_are_equal_steps_of_the_probit_scale() -> None:
    steps = np.diff(ndtri(FALSE_ALARM_RATES))
    assert steps == pytest.approx(np.full(60, steps[0]))
    assert (FALSE_ALARM_RATES[0], FALSE_ALARM_RATES[-1]) == (pytest.approx(0.001), pytest.approx(0.99))


def test_curve_by_hand_joins_operating_points() -> None:
    # operating points (FAR, FRR): (1, 0) (1/2, 0) (1/2, 1/2) (0, 1/2) (0, 1); so FRR is 0 above 1/2 and 1/2 below
    curve = det_curve([1.0, 3.0], [0.0, 2.0], seed=0, level=0.95)
    expected = [0.0 if far >= 0.5 else 0.5 for far in FALSE_ALARM_RATES]
    assert curve.frr == pytest.approx(expected, abs=1e-12)


def test_curve_of_normal_scores_is_a_line_on_the_probit_scale() -> None:
    quantiles = ndtri((np.arange(20_000) + 0.5) / 20_000)
    curve = det_curve(quantiles + 1.5, quantiles, seed=0, level=0.95)
    expected = ndtr(-ndtri(FALSE_ALARM_RATES) - 1.5)
    assert np.abs(np.subtract(curve.frr, expected)).max() < 1e-3


def test_band_holds_the_curve_and_repeats() -> None:
    generator = np.random.default_rng(0)
    scores = generator.normal(1, 1, 300), generator.normal(0, 1, 300)
    curve = det_curve(*scores, seed=1, level=0.95)
    middle = slice(15, 50)
    assert np.all(np.less_equal(curve.lower, curve.upper))
    assert np.all(np.less_equal(curve.lower[middle], curve.frr[middle]))
    assert np.all(np.less_equal(curve.frr[middle], curve.upper[middle]))
    assert curve == det_curve(*scores, seed=1, level=0.95)


def test_band_over_speakers_is_wider_where_speakers_differ() -> None:
    generator = np.random.default_rng(0)
    names = [f"speaker-{n}" for n in range(6) for _ in range(50)]
    of_speaker = np.repeat(generator.normal(0, 1, 6), 50)
    scores = of_speaker + generator.normal(2, 0.3, 300), generator.normal(0, 1, 300)
    alone = det_curve(*scores, seed=1, level=0.95)
    grouped = det_curve(*scores, seed=1, level=0.95, groups=(names, names))
    width = [np.subtract(curve.upper, curve.lower).mean() for curve in (alone, grouped)]
    assert grouped.frr == alone.frr
    assert width[1] > 1.3 * width[0]
