"""The EER bootstrap: equal to a naive loop on the same draws, equal in distribution, coverage, determinism."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import ks_2samp, norm

from grid.core.errors import RequestError
from grid.metrics.detection import eer, rejected_counts
from grid.metrics.intervals import bootstrap_eer, bootstrap_replicates, resampled_eers
from grid.metrics.resampling import GroupedTrials, GroupResample

Scores = NDArray[np.float64]


def scores(n_bonafide: int, n_spoof: int, seed: int, decimals: int = 8) -> tuple[Scores, Scores]:
    generator = np.random.default_rng(seed)
    return (
        np.round(generator.normal(1.5, 1, n_bonafide), decimals),
        np.round(generator.normal(0, 1, n_spoof), decimals),
    )


@pytest.mark.parametrize("decimals", [1, 8])
def test_resampled_eers_same_draws_equal_naive_loop(decimals: int) -> None:
    bonafide, spoof = scores(40, 90, seed=1, decimals=decimals)
    speakers = (
        [f"speaker{i % 5}" for i in range(40)],
        [f"speaker{2 + i % 6}" for i in range(90)],
    )
    points = rejected_counts(bonafide, spoof)
    trials = GroupedTrials(points, (bonafide, spoof), speakers)
    weights = trials.draw(50, np.random.default_rng(2))
    fast = resampled_eers(GroupResample(trials, weights), points)
    times = [dict(zip(trials.names, row, strict=True)) for row in weights]
    naive = [
        eer(
            np.repeat(bonafide, [drawn[s] for s in speakers[0]]),
            np.repeat(spoof, [drawn[s] for s in speakers[1]]),
        ).eer
        for drawn in times
    ]
    np.testing.assert_allclose(fast, naive, rtol=0, atol=1e-12)


@pytest.mark.parametrize("decimals", [0, 8])
def test_trial_bootstrap_has_law_of_naive_resampling(decimals: int) -> None:
    bonafide, spoof = scores(60, 80, seed=3, decimals=decimals)
    generator = np.random.default_rng(4)
    naive = [eer(generator.choice(bonafide, 60), generator.choice(spoof, 80)).eer for _ in range(3000)]
    fast = bootstrap_replicates(bonafide, spoof, replicates=3000, seed=5)
    assert ks_2samp(naive, fast).pvalue > 0.01
    assert np.std(fast) == pytest.approx(np.std(naive), rel=0.08)


def test_group_bootstrap_of_single_trials_has_law_of_trial_bootstrap() -> None:
    bonafide, spoof = scores(60, 80, seed=6)
    alone = ([f"b{i}" for i in range(60)], [f"s{i}" for i in range(80)])
    grouped = bootstrap_replicates(bonafide, spoof, replicates=3000, seed=7, groups=alone)
    single = bootstrap_replicates(bonafide, spoof, replicates=3000, seed=8)
    assert ks_2samp(grouped, single).pvalue > 0.01


def test_group_draw_keeps_both_classes_and_the_size_of_each_stratum() -> None:
    bonafide, spoof = scores(4, 6, seed=9)
    groups = (["a", "b", "c", "c"], ["c", "d", "e", "f", "f", "g"])
    trials = GroupedTrials(rejected_counts(bonafide, spoof), (bonafide, spoof), groups)
    weights = trials.draw(200, np.random.default_rng(0))
    named = dict(zip(trials.names, weights.T, strict=True))
    assert np.all(named["a"] + named["b"] == 2)
    assert np.all(named["c"] == 1)
    assert np.all(named["d"] + named["e"] + named["f"] + named["g"] == 4)


def test_bootstrap_eer_covers_true_eer_as_often_as_its_level_says() -> None:
    truth = norm.cdf(-1.5 / 2)
    intervals = [bootstrap_eer(*scores(150, 200, seed=i), replicates=200, seed=i, level=0.9) for i in range(300)]
    covered = np.mean([i.lower <= truth <= i.upper for i in intervals])
    # 300 trials of 0.90 have a standard error of 0.017
    assert 0.84 <= covered <= 0.95


def test_bootstrap_eer_speakers_with_own_offsets_need_wider_interval() -> None:
    generator = np.random.default_rng(10)
    offsets = np.repeat(generator.normal(0, 1.5, 20), 50)
    names = [f"p{i // 50}" for i in range(1000)]
    bonafide = generator.normal(2, 1, 1000) + offsets
    spoof = generator.normal(0, 1, 1000) + offsets
    by_trial = bootstrap_eer(bonafide, spoof, seed=0)
    by_speaker = bootstrap_eer(bonafide, spoof, seed=0, groups=(names, names))
    assert by_speaker.upper - by_speaker.lower > 1.5 * (by_trial.upper - by_trial.lower)


def test_bootstrap_eer_same_seed_repeats_other_seed_does_not() -> None:
    bonafide, spoof = scores(100, 100, seed=11)
    assert bootstrap_eer(bonafide, spoof, seed=1) == bootstrap_eer(bonafide, spoof, seed=1)
    first, other = (bootstrap_replicates(bonafide, spoof, seed=seed) for seed in (1, 2))
    assert not np.array_equal(first, other)


def test_bootstrap_eer_separated_scores_give_zero_width() -> None:
    interval = bootstrap_eer([2.0, 3.0], [0.0, 1.0], seed=0)
    assert (interval.lower, interval.upper) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"replicates": 0}, "0 replicates"),
        ({"level": 1.0}, "confidence level 1.0"),
        ({"groups": (["a", "a"], ["b", "c"])}, "bonafide trials in condition 'pooled'.*fewer than 2 groups"),
        ({"groups": (["a"], ["b", "c"])}, "1 groups for 2 bonafide scores"),
    ],
)
def test_bootstrap_eer_impossible_request_raises(options: dict[str, object], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        bootstrap_eer([1.0, 2.0], [0.0, 1.0], seed=0, condition="pooled", **options)  # type: ignore[arg-type]
