"""Significance tests: p-values of textbooks, detectors that differ and that do not, notes on too little data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from grid.core.errors import RequestError
from grid.metrics.differences import compare
from grid.metrics.paired_tests import ScorePair, best_baseline, eer_tests, prediction_tests

Scores = tuple[NDArray[np.float64], NDArray[np.float64]]


def detectors(seed: int, trials: int, *, better: float) -> tuple[Scores, Scores]:
    """The scores of a detector and of its baseline, which find the same trials hard."""
    draw = np.random.default_rng(seed)
    hard = draw.normal(0, 1, trials), draw.normal(0, 1, trials)
    baseline = 1 + hard[0] + 0.3 * draw.normal(0, 1, trials), hard[1] + 0.3 * draw.normal(0, 1, trials)
    detector = better + hard[0] + 0.3 * draw.normal(0, 1, trials), hard[1] + 0.3 * draw.normal(0, 1, trials)
    return detector, baseline


def as_trials(values: list[float]) -> Scores:
    """Paired data as predictions: the first half as bona fide scores, the second, its sign turned, as spoof scores."""
    half = len(values) // 2
    return np.array(values[:half]), -np.array(values[half:])


def test_paired_t_test_gives_the_p_value_of_students_sleep_data() -> None:
    # Student (1908), ten patients; R: t.test(extra ~ group, data = sleep, paired = TRUE), t = -4.0621, p = 0.002833
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    found = prediction_tests(as_trials(second), as_trials(first))
    assert found.t_p_value == pytest.approx(0.002833, abs=5e-7)
    assert found.mean_difference == pytest.approx(1.58)
    assert found.note == "too small: 5 bona fide and 5 spoof trials"


def test_signed_rank_test_gives_the_p_value_of_hollander_and_wolfe() -> None:
    # Hollander and Wolfe (1973), p. 29 f.: depression scale of nine patients; R: wilcox.test(x, y, paired = TRUE),
    # V = 40, two-sided p = 0.03906
    x = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
    y = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
    assert prediction_tests(as_trials(x), as_trials(y)).wilcoxon_p_value == pytest.approx(0.0390625, abs=1e-9)


def test_prediction_tests_find_a_better_detector_by_its_decisions() -> None:
    detector, baseline = detectors(0, 400, better=2.5)
    found = prediction_tests(detector, baseline, of="decisions")
    assert found.significant
    assert found.mean_difference > 0
    assert (found.trials, found.note) == (800, "")


def test_prediction_tests_of_equal_detectors_find_nothing() -> None:
    detector, _ = detectors(0, 40, better=2)
    found = prediction_tests(detector, detector)
    assert math.isnan(found.t_p_value)
    assert math.isnan(found.wilcoxon_p_value)
    assert (found.significant, found.note) == (False, "too small: 0 trials differ")


def test_decisions_that_differ_too_seldom_for_the_level_say_so() -> None:
    # 7 trials that differ all one way have p = 2 / 2^7 = 0.016 in Wilcoxon's test
    baseline = (np.r_[np.full(93, 2.0), np.full(7, -1.0)], np.r_[np.full(93, -2.0), np.full(7, 1.0)])
    detector = (np.r_[np.full(93, 2.0), np.full(7, 1.0)], baseline[1] - 0.5)
    found = prediction_tests(detector, baseline, of="decisions", level=0.0001)
    assert found.note.startswith("too small: ")
    assert found.note.endswith("trials differ")
    assert not found.significant


def test_eer_tests_find_the_better_detector_and_correct_for_the_others() -> None:
    better, worse = detectors(1, 300, better=2), detectors(2, 300, better=1)
    pairs = [ScorePair("better", *better), *(ScorePair(f"same {number}", *worse) for number in range(3))]
    found = eer_tests(pairs, replicates=2000)
    assert [test.name for test in found if test.significant] == ["better"]
    assert found[0].p_value == pytest.approx(2 / 2001)
    assert found[0].adjusted == pytest.approx(8 / 2001)
    assert found[0].difference < 0
    assert found[0].upper < 0
    assert found[1].adjusted == pytest.approx(min(1, 3 * found[1].p_value))
    assert {test.note for test in found} == {""}


def test_eer_test_agrees_with_the_interval_of_the_difference() -> None:
    detector, baseline = detectors(3, 200, better=1.4)
    (found,) = eer_tests([ScorePair("T", detector, baseline)], level=0.05, replicates=1000, seed=7)
    interval = compare("T", "pooled", detector, baseline, seed=7, replicates=1000, level=0.95)
    assert (found.difference, found.lower, found.upper) == pytest.approx(
        (interval.difference, interval.difference_lower, interval.difference_upper)
    )


def test_eer_tests_draw_systems_where_they_are_given() -> None:
    detector, baseline = detectors(4, 120, better=1.6)
    names = [f"s{number % 3}" for number in range(120)]
    (found,) = eer_tests([ScorePair("T", detector, baseline, systems=(names, names))], level=0.05, replicates=300)
    interval = compare("T", "pooled", detector, baseline, replicates=300, systems=(names, names))
    assert (found.lower, found.upper) == pytest.approx((interval.difference_lower, interval.difference_upper))


@pytest.mark.parametrize(
    ("trials", "replicates", "note"),
    [(6, 1000, "too small: 6 bona fide and 6 spoof trials"), (30, 300, "too few replicates (300) for 2 comparisons")],
)
def test_eer_tests_that_cannot_pass_their_level_say_why(trials: int, replicates: int, note: str) -> None:
    pair = ScorePair("T", *detectors(5, trials, better=3))
    assert [test.note.startswith(note) for test in eer_tests([pair, pair], replicates=replicates)] == [True, True]


def test_best_baseline_is_the_one_of_the_lowest_eer() -> None:
    good, bad = detectors(6, 200, better=3)
    assert best_baseline({"aasist": bad, "rawnet2": good, "lcnn": bad}) == "rawnet2"
    assert best_baseline({"b": bad, "a": bad}) == "a"


def test_tests_of_unlike_trials_are_refused() -> None:
    with pytest.raises(RequestError, match=r"VALL-E: .* cannot be paired"):
        prediction_tests(detectors(0, 5, better=1)[0], detectors(0, 6, better=1)[0], condition="VALL-E")
