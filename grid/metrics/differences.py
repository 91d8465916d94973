"""The difference of two detectors' EERs on the same trials, with a paired bootstrap interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from grid.core.errors import RequestError
from grid.metrics.conditional_bootstrap import conditional_replicates
from grid.metrics.detection import FloatArray, IntArray, RejectedCounts, checked_scores, eer, rejected_counts
from grid.metrics.intervals import (
    CHUNK_ELEMENTS,
    DEFAULT_LEVEL,
    DEFAULT_REPLICATES,
    Groups,
    bootstrap_replicates,
    resampled_eers,
)
from grid.metrics.resampling import Bracket

Scores = tuple[ArrayLike, ArrayLike]
"""The scores of one detector: bona fide trials (trials,) and spoof trials (trials,)."""
KEYS = ("bonafide", "spoof")


@dataclass(frozen=True)
class Difference:
    """A detector's EER minus that of its baseline on one condition (fractions), and the bounds of its interval.

    The interval is over new trials for these two trained detectors; the variation between trainings is not in it and
    needs several seeds.
    """

    evaluation: str
    condition: str
    difference: float
    difference_lower: float
    difference_upper: float


def compare(
    name: str,
    condition: str,
    scores: Scores,
    baseline: Scores,
    *,
    seed: int = 0,
    replicates: int = DEFAULT_REPLICATES,
    level: float = DEFAULT_LEVEL,
    groups: Groups | None = None,
    systems: Groups | None = None,
) -> Difference:
    """The difference of the EERs of two detectors on the same trials, in the same order.

    The interval is the percentile bootstrap (Efron and Tibshirani 1993, chapters 8 and 13) of the difference: each
    replicate draws trials once (or, with `groups`, speakers; with `systems`, as the conditional bootstrap does) and
    takes both EERs on that draw, so the difficulty that trials have for both detectors cancels out. Raises RequestError
    as `bootstrap_eer`, and when the two have different numbers of trials.
    """
    place = f"{name}/{condition}"
    differences = paired_replicates(
        scores, baseline, replicates=replicates, seed=seed, groups=groups, systems=systems, condition=place
    )
    lower, upper = np.quantile(differences, [(1 - level) / 2, (1 + level) / 2])
    value = eer(*scores, condition=place).eer - eer(*baseline, condition=place).eer
    return Difference(name, condition, value, float(lower), float(upper))


def paired_replicates(
    scores: Scores,
    baseline: Scores,
    *,
    replicates: int,
    seed: int,
    groups: Groups | None = None,
    systems: Groups | None = None,
    condition: str = "",
) -> FloatArray:
    """The difference of the two EERs (replicates,) on each resample of their common trials.

    With `systems`, whose draws take no seed, resamples without one of the classes are left out.
    """
    sizes = [tuple(np.size(part) for part in pair) for pair in (scores, baseline)]
    if sizes[0] != sizes[1]:
        raise RequestError(
            f"{condition}: {sizes[0]} and {sizes[1]} bona fide and spoof trials cannot be paired; score both "
            "detectors on the same trials."
        )
    if systems is not None:
        first, second = (
            conditional_replicates(*pair, systems, replicates=replicates, condition=condition)
            for pair in (scores, baseline)
        )
        return (first - second)[~np.isnan(first)]
    if groups is not None:
        # which speakers a replicate draws depends on the seed and the speakers alone, not on the scores
        first, second = (
            bootstrap_replicates(*pair, replicates=replicates, seed=seed, groups=groups, condition=condition)
            for pair in (scores, baseline)
        )
        return first - second
    ranked_trials = [_RankedTrials(pair, condition) for pair in (scores, baseline)]
    generator = np.random.default_rng(seed)
    chunk = max(1, CHUNK_ELEMENTS // sum(sizes[0]))
    differences = []
    for start in range(0, replicates, chunk):
        count = min(chunk, replicates - start)
        weights = [_times_drawn(size, count, generator) for size in sizes[0]]
        first, second = (resampled_eers(_WeightedResample(trials, weights), trials.points) for trials in ranked_trials)
        differences.append(first - second)
    return np.concatenate(differences)


def _times_drawn(trials: int, replicates: int, generator: np.random.Generator) -> IntArray:
    """How often each trial was drawn, (replicates, trials); each row sums to the number of trials."""
    drawn = generator.integers(trials, size=(replicates, trials)) + np.arange(replicates)[:, None] * trials
    return np.bincount(drawn.ravel(), minlength=replicates * trials).reshape(replicates, trials)


class _RankedTrials:
    """The trials of one detector sorted by score: the part of the bootstrap that needs no draws."""

    def __init__(self, scores: Scores, condition: str) -> None:
        self.points: RejectedCounts = rejected_counts(*scores, condition=condition)
        checked = (checked_scores(values, key, condition) for values, key in zip(scores, KEYS, strict=True))
        self.orders = [np.argsort(values, kind="stable") for values in checked]
        self.below = (self.points.bonafide, self.points.spoof)


class _WeightedResample:
    """A `grid.metrics.resampling.Resample`: trial number i of a detector counts `weights[..., i]` times."""

    def __init__(self, trials: _RankedTrials, weights: list[IntArray]) -> None:
        self._below = trials.below
        self._sums = [
            np.pad(np.cumsum(counts[:, order], axis=1), ((0, 0), (1, 0)))
            for counts, order in zip(weights, trials.orders, strict=True)
        ]
        self._rows = np.arange(len(weights[0]))

    def totals(self) -> IntArray:
        return np.stack([sums[:, -1] for sums in self._sums])

    def below(self, threshold: IntArray, bracket: Bracket) -> IntArray:
        pairs = zip(self._sums, self._below, strict=True)
        return np.stack([sums[self._rows, below[threshold]] for sums, below in pairs])
