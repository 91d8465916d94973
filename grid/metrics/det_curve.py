"""DET curves: the miss rate at fixed false-alarm rates, with a bootstrap band."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from grid.metrics.detection import FloatArray, IntArray, checked_scores, rejected_counts
from grid.metrics.intervals import Groups
from grid.metrics.resampling import GroupedTrials

FALSE_ALARM_RATES: tuple[float, ...] = tuple(float(rate) for rate in ndtr(np.linspace(ndtri(0.001), ndtri(0.99), 61)))
"""The false-alarm rates of every curve, from 0.1 % to 99 % at equal steps of the probit scale."""
BAND_REPLICATES = 200
"""Enough for a band that is drawn; no number is printed from it."""


@dataclass(frozen=True)
class DetCurve:
    """The FRR (fractions) at each of `FALSE_ALARM_RATES`, and the bounds of its bootstrap interval there."""

    frr: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]


def det_curve(
    bonafide_scores: ArrayLike,
    spoof_scores: ArrayLike,
    *,
    seed: int,
    level: float,
    groups: Groups | None = None,
    condition: str = "",
) -> DetCurve:
    """The curve of scores (trials,) of each class with its band at `level`; operating points are joined by lines.

    The band is that of FRR at a fixed FAR. It resamples `groups` (speakers) where they are given, as the EER's interval
    does, and trials of each class elsewhere. Raises RequestError as `grid.metrics.detection.eer`.
    """
    points = rejected_counts(bonafide_scores, spoof_scores, condition=condition)
    scores = (
        checked_scores(bonafide_scores, "bonafide", condition),
        checked_scores(spoof_scores, "spoof", condition),
    )
    bins = [np.searchsorted(points.thresholds, values) for values in scores]
    size = points.thresholds.size
    generator = np.random.default_rng(seed)
    if groups is None:
        weights = [generator.multinomial(v.size, np.full(v.size, 1 / v.size), BAND_REPLICATES) for v in scores]
    else:
        grouped = GroupedTrials(points, scores, groups, condition)
        drawn = grouped.draw(BAND_REPLICATES, generator)
        weights = [drawn[:, np.searchsorted(grouped.names, np.asarray(names, dtype=str))] for names in groups]
    replicates = [
        _frr(*(_below(place, weight, size) for place, weight in zip(bins, pair, strict=True)))
        for pair in zip(*weights, strict=True)
    ]
    tail = (1 - level) / 2
    lower, upper = np.quantile(np.stack(replicates), [tail, 1 - tail], axis=0)
    frr = _frr(points.bonafide, points.spoof)
    return DetCurve(*(tuple(map(float, values)) for values in (frr, lower, upper)))


def _below(bins: IntArray, weights: IntArray, size: int) -> IntArray:
    """The weighted number of trials below each of `size` thresholds, from their places (trials,) and weights."""
    return np.concatenate([[0], np.cumsum(np.bincount(bins, weights, size))[:-1]]).astype(np.int64)


def _frr(bonafide_below: IntArray, spoof_below: IntArray) -> FloatArray:
    """FRR at each of `FALSE_ALARM_RATES` from the counts (points,) below every threshold; the lowest where several."""
    far = 1 - spoof_below / spoof_below[-1]
    frr = bonafide_below / bonafide_below[-1]
    return np.interp(FALSE_ALARM_RATES, far[::-1], frr[::-1])
