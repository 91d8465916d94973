"""EER, DET points and minDCF: values by hand, ties, known distributions, independent implementations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from grid.core.errors import RequestError
from grid.metrics.detection import det_points, eer, eer_asvspoof, min_dcf

Scores = NDArray[np.float64]


def gaussian_scores(distance: float, n_bonafide: int, n_spoof: int, seed: int) -> tuple[Scores, Scores]:
    generator = np.random.default_rng(seed)
    return generator.normal(distance, 1, n_bonafide), generator.normal(0, 1, n_spoof)


def published_eer(bonafide: Scores, spoof: Scores) -> float:
    """The EER of the ASVspoof challenges' scripts, computed one trial at a time in the order of the scores."""
    labelled = sorted([(s, 1) for s in bonafide] + [(s, 0) for s in spoof], key=lambda pair: pair[0])
    rejected_bonafide, rejected_spoof = 0, 0
    best_gap, best_rate = abs(0.0 - 1.0), 0.5
    for _, label in labelled:
        rejected_bonafide += label
        rejected_spoof += 1 - label
        frr, far = rejected_bonafide / len(bonafide), (len(spoof) - rejected_spoof) / len(spoof)
        if abs(frr - far) < best_gap:
            best_gap, best_rate = abs(frr - far), (frr + far) / 2
    return best_rate


# Worked by hand: the points are (FRR, FAR) in order of rising threshold.
HAND_COMPUTED = [
    ([3.0, 4.0], [1.0, 2.0], 0.0, "separated: (0,1) (0,1/2) (0,0)"),
    ([1.0, 2.0], [3.0, 4.0], 1.0, "inverted: (0,1) (1/2,1) (1,1)"),
    ([1.0, 3.0], [0.0, 2.0], 0.5, "alternating: (0,1) (0,1/2) (1/2,1/2)"),
    ([1.0, 2.0], [0.0, 1.0], 0.25, "one tie: (0,1) (0,1/2) -> (1/2,0) meet half-way, at 1/4"),
    ([2.0, 3.0, 4.0, 1.0], [0.0, 1.5], 0.25, "(0,1/2) -> (1/4,1/2) -> (1/4,0): a vertical step crosses at FRR = 1/4"),
    ([1.0, 1.0, 1.0, 2.0], [0.0, 1.0, 1.0, 1.0], 3 / 8, "three-way tie: (0,3/4) -> (3/4,0) meet at 3/8"),
]


@pytest.mark.parametrize(("bonafide", "spoof", "expected", "points"), HAND_COMPUTED)
def test_eer_small_cases_match_hand_computation(
    bonafide: list[float], spoof: list[float], expected: float, points: str
) -> None:
    assert eer(bonafide, spoof).eer == pytest.approx(expected, abs=1e-15), points


def test_eer_constant_scorer_is_one_half() -> None:
    assert eer([0.3] * 7, [0.3] * 40).eer == 0.5
    assert eer_asvspoof([0.3] * 7, [0.3] * 40).eer == 0.5


def test_eer_threshold_accepts_scores_at_or_above_it() -> None:
    result = eer([3.0, 4.0], [1.0, 2.0])
    assert result.threshold == 3.0


@pytest.mark.parametrize("distance", [0.5, 1.0, 2.0, 3.0])
def test_eer_of_gaussians_is_their_overlap(distance: float) -> None:
    # Equal variances d apart: EER = Phi(-d/2). 200,000 trials a class: standard error below 0.0008.
    bonafide, spoof = gaussian_scores(distance, 200_000, 200_000, seed=3)
    assert eer(bonafide, spoof).eer == pytest.approx(norm.cdf(-distance / 2), abs=0.003)


@pytest.mark.parametrize("decimals", [0, 1, 8])
def test_eer_negated_scores_give_complement(decimals: int) -> None:
    bonafide, spoof = (np.round(s, decimals) for s in gaussian_scores(1.0, 301, 807, seed=4))
    assert eer(-bonafide, -spoof).eer == pytest.approx(1 - eer(bonafide, spoof).eer, abs=1e-12)


def test_eer_ties_ignore_order_of_trials() -> None:
    bonafide, spoof = (np.round(s, 1) for s in gaussian_scores(1.0, 200, 500, seed=5))
    shuffled = np.random.default_rng(0).permutation(bonafide)
    assert eer(shuffled, spoof[::-1]) == eer(bonafide, spoof)


def test_eer_increasing_map_of_scores_changes_nothing() -> None:
    bonafide, spoof = gaussian_scores(1.0, 200, 500, seed=6)
    assert eer(np.exp(bonafide), np.exp(spoof)).eer == eer(bonafide, spoof).eer


@pytest.mark.parametrize("seed", range(12))
def test_eer_asvspoof_untied_scores_equal_published_recipe(seed: int) -> None:
    sizes = np.random.default_rng(seed).integers(1, 200, 2)
    bonafide, spoof = gaussian_scores(1.2, int(sizes[0]), int(sizes[1]), seed=100 + seed)
    assert eer_asvspoof(bonafide, spoof).eer == published_eer(bonafide, spoof)


@pytest.mark.parametrize("seed", range(6))
def test_eer_differs_from_asvspoof_by_at_most_half_a_step(seed: int) -> None:
    bonafide, spoof = gaussian_scores(1.2, 60, 170, seed=200 + seed)
    assert abs(eer(bonafide, spoof).eer - eer_asvspoof(bonafide, spoof).eer) <= 0.5 / 60


def test_det_points_run_from_accept_all_to_reject_all_without_turning_back() -> None:
    bonafide, spoof = (np.round(s, 1) for s in gaussian_scores(1.0, 80, 120, seed=7))
    points = det_points(bonafide, spoof)
    assert (points.far[0], points.frr[0], points.far[-1], points.frr[-1]) == (1.0, 0.0, 0.0, 1.0)
    assert np.all(np.diff(points.far) <= 0)
    assert np.all(np.diff(points.frr) >= 0)
    assert np.all(np.diff(points.thresholds) > 0)
    for far, frr, threshold in zip(points.far, points.frr, points.thresholds, strict=True):
        assert far == np.mean(spoof >= threshold)
        assert frr == np.mean(bonafide < threshold)


@pytest.mark.parametrize(("p_spoof", "c_miss", "c_fa"), [(0.05, 1, 10), (0.5, 1, 1), (0.3, 10, 1)])
def test_min_dcf_matches_brute_force(p_spoof: float, c_miss: float, c_fa: float) -> None:
    bonafide, spoof = (np.round(s, 1) for s in gaussian_scores(1.5, 90, 110, seed=8))
    costs = [
        c_miss * (1 - p_spoof) * np.mean(bonafide < t) + c_fa * p_spoof * np.mean(spoof >= t)
        for t in [-np.inf, *bonafide, *spoof, np.inf]
    ]
    expected = min(costs) / min(c_miss * (1 - p_spoof), c_fa * p_spoof)
    assert min_dcf(bonafide, spoof, p_spoof=p_spoof, c_miss=c_miss, c_fa=c_fa) == pytest.approx(expected, rel=1e-12)


def test_min_dcf_asvspoof5_costs_by_hand() -> None:
    # Threshold 2: FRR 0, FAR 1/2, cost 10 x 0.05 x 0.5 / 0.5 = 0.5. Threshold 4: FRR 1/2, FAR 0, cost 0.95.
    assert min_dcf([2.0, 4.0], [1.0, 3.0]) == pytest.approx(0.5)


def test_min_dcf_constant_scorer_is_one() -> None:
    assert min_dcf([1.0, 1.0], [1.0]) == 1.0


@pytest.mark.parametrize("metric", [eer, eer_asvspoof, det_points, min_dcf])
@pytest.mark.parametrize(
    ("bonafide", "spoof", "named"),
    [
        ([], [1.0], "no bonafide trials"),
        ([1.0], [], "no spoof trials"),
        ([1.0, float("nan")], [1.0], "1 of 2 bonafide scores"),
        ([1.0], [float("inf")], "1 of 1 spoof scores"),
        ([[1.0]], [1.0], "bonafide scores"),
    ],
)
def test_metric_unusable_scores_raise_naming_class_and_condition(
    metric: Callable[..., object], bonafide: list[float], spoof: list[float], named: str
) -> None:
    with pytest.raises(RequestError, match=named) as caught:
        metric(bonafide, spoof, condition="T-CoRS/codec=mimi")
    assert "T-CoRS/codec=mimi" in str(caught.value)


@pytest.mark.parametrize("wrong", [{"p_spoof": 0.0}, {"p_spoof": 1.5}, {"c_miss": 0.0}, {"c_fa": -1.0}])
def test_min_dcf_impossible_costs_raise(wrong: dict[str, float]) -> None:
    with pytest.raises(RequestError, match="minDCF needs"):
        min_dcf([1.0], [0.0], **wrong)  # type: ignore[arg-type]
