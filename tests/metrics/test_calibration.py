"""Calibration: Cllr, minimum Cllr, actual DCF, AUC and rates at a threshold, by hand and against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from grid.core.errors import RequestError
from grid.metrics.calibration import (
    BAYES_THRESHOLD,
    ErrorRates,
    actual_dcf,
    auc,
    calibrate,
    cllr,
    error_rates,
    min_cllr,
)
from grid.metrics.detection import min_dcf


def _scores(seed: int, separation: float = 1.0) -> tuple[list[float], list[float]]:
    """Scores with ties between and within the classes."""
    generator = np.random.default_rng(seed)
    bonafide = np.round(generator.normal(separation, 1, 23), 1)
    spoof = np.round(generator.normal(0, 1, 31), 1)
    return bonafide.tolist(), spoof.tolist()


def test_cllr_by_hand() -> None:
    # odds 3 : 1 for bona fide, 1 : 3 for spoof: each trial costs log2(1 + 1/3)
    assert cllr([math.log(3)], [-math.log(3)]) == pytest.approx(math.log2(4 / 3), rel=1e-12)
    assert cllr([0.0, 0.0], [0.0]) == 1.0


def test_cllr_is_its_definition() -> None:
    bonafide, spoof = _scores(0)
    expected = sum(math.log2(1 + math.exp(-s)) for s in bonafide) / (2 * len(bonafide))
    expected += sum(math.log2(1 + math.exp(s)) for s in spoof) / (2 * len(spoof))
    assert cllr(bonafide, spoof) == pytest.approx(expected, rel=1e-12)


def test_cllr_of_huge_scores_does_not_overflow() -> None:
    assert cllr([-2000.0], [-2000.0]) == pytest.approx(1000 / math.log(2), rel=1e-12)


def test_min_cllr_by_hand() -> None:
    # spoof 0, bona fide 1, spoof 2, bona fide 3: the middle two are pooled to odds 1, the outer two cost nothing
    assert min_cllr([1.0, 3.0], [0.0, 2.0]) == pytest.approx(0.5, rel=1e-12)
    assert min_cllr([1.0, 2.0], [-1.0, 0.0]) == 0.0
    assert min_cllr([0.0, 1.0], [2.0, 3.0]) == pytest.approx(1.0, rel=1e-12)
    assert min_cllr([5.0, 5.0, 5.0], [5.0]) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_min_cllr_is_the_cllr_after_pooling_adjacent_violators(seed: int) -> None:
    bonafide, spoof = _scores(seed)
    blocks: list[list[float]] = []  # bona fide count, spoof count, restated without the library's regression
    for value in sorted({*bonafide, *spoof}):
        blocks.append([bonafide.count(value), spoof.count(value)])
        while len(blocks) > 1 and blocks[-2][0] * sum(blocks[-1]) >= blocks[-1][0] * sum(blocks[-2]):
            last = blocks.pop()
            blocks[-1] = [blocks[-1][0] + last[0], blocks[-1][1] + last[1]]
    expected = 0.0
    for of_bonafide, of_spoof in blocks:
        share_bonafide, share_spoof = of_bonafide / len(bonafide), of_spoof / len(spoof)
        if of_bonafide and of_spoof:
            expected += share_bonafide * math.log2(1 + share_spoof / share_bonafide) / 2
            expected += share_spoof * math.log2(1 + share_bonafide / share_spoof) / 2
    assert min_cllr(bonafide, spoof) == pytest.approx(expected, rel=1e-9)
    assert min_cllr(bonafide, spoof) <= cllr(bonafide, spoof)


def test_a_shift_moves_the_threshold_and_not_the_ranking() -> None:
    bonafide, spoof = _scores(1, separation=2.0)
    before = calibrate(bonafide, spoof, dev_threshold=1.0)
    after = calibrate(np.add(bonafide, 8), np.add(spoof, 8), dev_threshold=1.0)
    for name in ("eer", "auc", "min_dcf", "min_cllr"):
        assert getattr(after, name) == pytest.approx(getattr(before, name), rel=1e-9), name
    assert after.loss > before.loss + 1
    assert after.act_dcf > before.act_dcf
    assert (after.far, after.frr, after.balanced_accuracy) == (1.0, 0.0, 0.5)


def test_actual_dcf_by_hand() -> None:
    # accepted from log(10 * 0.05 / 0.95) = -0.642: FRR 1/2, FAR 1/4; (0.95 / 2 + 0.5 / 4) / 0.5
    assert pytest.approx(-0.6419, abs=1e-4) == BAYES_THRESHOLD
    assert actual_dcf([0.0, -0.7], [-0.6, -1.0, -2.0, -3.0]) == pytest.approx(1.2)


@pytest.mark.parametrize("seed", range(5))
def test_actual_dcf_is_at_least_the_minimum(seed: int) -> None:
    assert actual_dcf(*_scores(seed)) >= min_dcf(*_scores(seed))


@pytest.mark.parametrize("seed", range(3))
def test_auc_counts_pairs(seed: int) -> None:
    bonafide, spoof = _scores(seed)
    wins = sum(1.0 if b > s else 0.5 if b == s else 0.0 for b in bonafide for s in spoof)
    assert auc(bonafide, spoof) == pytest.approx(wins / (len(bonafide) * len(spoof)), rel=1e-12)


def test_error_rates_accept_at_the_threshold() -> None:
    rates = error_rates([1.0, 2.0, 3.0, 4.0], [0.0, 2.0], 2.0)
    assert rates == ErrorRates(far=0.5, frr=0.25)
    assert rates.balanced_accuracy == 0.625


def test_without_dev_threshold_there_are_no_rates() -> None:
    found = calibrate([1.0], [0.0], dev_threshold=None)
    assert (found.far, found.frr, found.balanced_accuracy) == (None, None, None)


def test_errors_name_class_condition_and_threshold() -> None:
    with pytest.raises(RequestError, match=r"no spoof trials in condition 'T-CoSG/pooled'"):
        calibrate([1.0], [], dev_threshold=None, condition="T-CoSG/pooled")
    with pytest.raises(RequestError, match="a threshold is a score, not nan"):
        error_rates([1.0], [0.0], math.nan)
