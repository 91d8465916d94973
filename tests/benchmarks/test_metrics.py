"""EER and its bootstrap interval on 100,000 scores, beside the recipes that papers' repositories carry."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from grid.metrics.detection import eer
from grid.metrics.intervals import bootstrap_eer
from tests.benchmarks.comparison import Contest

Scores = NDArray[np.float64]
SCORES = 50_000
"""Of each class."""
SPEAKERS = 100
REPLICATES = 1_000


@pytest.fixture(scope="module")
def scores() -> tuple[Scores, Scores]:
    rng = np.random.default_rng(0)
    return rng.normal(1.0, 1.0, SCORES), rng.normal(-1.0, 1.0, SCORES)


def by_threshold(bonafide: Scores, spoof: Scores, thresholds: Scores) -> float:
    """The textbook: at every threshold count what is wrong, take the point where the two rates are nearest."""
    missed = [float(np.mean(bonafide < t)) for t in thresholds]
    passed = [float(np.mean(spoof >= t)) for t in thresholds]
    return min((abs(miss - false), (miss + false) / 2) for miss, false in zip(missed, passed, strict=True))[1]


def by_sorting(bonafide: Scores, spoof: Scores) -> float:
    """The common recipe: one sort of all scores with their labels, running sums, the nearest point."""
    is_bonafide = np.concatenate([np.ones(bonafide.size), np.zeros(spoof.size)])
    is_bonafide = is_bonafide[np.argsort(np.concatenate([bonafide, spoof]), kind="stable")]
    missed = np.concatenate([[0.0], np.cumsum(is_bonafide)]) / bonafide.size
    passed = 1 - np.concatenate([[0.0], np.cumsum(1 - is_bonafide)]) / spoof.size
    nearest = int(np.argmin(np.abs(missed - passed)))
    return float(missed[nearest] + passed[nearest]) / 2


def resampled(bonafide: Scores, spoof: Scores, replicates: int) -> Scores:
    """The plain bootstrap: draw the scores anew, sort again, for each replicate."""
    rng = np.random.default_rng(0)
    return np.array([by_sorting(rng.choice(bonafide, SCORES), rng.choice(spoof, SCORES)) for _ in range(replicates)])


def resampled_speakers(bonafide: Scores, spoof: Scores, replicates: int) -> Scores:
    """The same over speakers: draw speakers, put their scores together, sort again."""
    rng = np.random.default_rng(0)
    groups = [np.array_split(scores, SPEAKERS) for scores in (bonafide, spoof)]
    draws = [[rng.integers(SPEAKERS, size=SPEAKERS) for _ in groups] for _ in range(replicates)]
    return np.array(
        [by_sorting(*(np.concatenate([g[i] for i in d]) for g, d in zip(groups, draw, strict=True))) for draw in draws]
    )


def test_eer(contest: Contest, scores: tuple[Scores, Scores]) -> None:
    contest.rate(
        "EER of 100,000 scores", "EERs/s", 1, partial(eer, *scores), {"one sort": partial(by_sorting, *scores)}
    )
    assert eer(*scores).eer == pytest.approx(by_sorting(*scores), abs=1 / SCORES)


def test_eer_against_the_loop_over_thresholds(contest: Contest, scores: tuple[Scores, Scores]) -> None:
    every, tried = np.sort(np.concatenate(scores)), 1_000
    contest.rate(
        "EER of 100,000 scores",
        "EERs/s",
        1,
        partial(eer, *scores),
        {f"loop over thresholds ({tried} of them)": partial(by_threshold, *scores, every[:tried])},
        share=tried / every.size,
    )
    near = every[np.abs(every - eer(*scores).threshold) < 0.01]
    assert eer(*scores).eer == pytest.approx(by_threshold(*scores, near), abs=1 / SCORES)


def test_bootstrap_over_trials(contest: Contest, scores: tuple[Scores, Scores]) -> None:
    contest.rate(
        f"{REPLICATES} replicates, over trials",
        "replicates/s",
        REPLICATES,
        partial(bootstrap_eer, *scores, replicates=REPLICATES, seed=0),
        {"draw and sort (20 replicates)": partial(resampled, *scores, 20)},
        share=20 / REPLICATES,
    )
    found = bootstrap_eer(*scores, replicates=REPLICATES, seed=0)
    assert found.upper - found.lower == pytest.approx(3.92 * resampled(*scores, 100).std(), rel=0.3)


def test_bootstrap_over_speakers(contest: Contest, scores: tuple[Scores, Scores]) -> None:
    names = [f"s{trial * SPEAKERS // SCORES}" for trial in range(SCORES)]
    work = partial(bootstrap_eer, *scores, replicates=REPLICATES, seed=0, groups=(names, names))
    contest.rate(
        f"{REPLICATES} replicates, over {SPEAKERS} speakers",
        "replicates/s",
        REPLICATES,
        work,
        {"draw and sort (20 replicates)": partial(resampled_speakers, *scores, 20)},
        rounds=1,
        share=20 / REPLICATES,
    )
    assert work().upper - work().lower < 0.01
