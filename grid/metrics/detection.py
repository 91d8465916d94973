"""Detection metrics of two lists of scores: operating points (DET), EER and minDCF.

A trial is accepted as bona fide when its score is at or above the threshold. FRR (miss rate) is the share of bona fide
trials below the threshold, FAR (false-alarm rate) the share of spoof trials at or above it. An operating point exists
only at each distinct score and above the highest one: no threshold separates two equal scores, so no metric here
depends on the order of equal scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grid.core.errors import RequestError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class EerResult:
    """An EER (fraction, 0 to 1) and the threshold, one of the scores, whose operating point is nearest to it."""

    eer: float
    threshold: float


@dataclass(frozen=True)
class RejectedCounts:
    """How many trials of each class lie below each threshold.

    `thresholds` (points,) are the distinct scores in rising order, then infinity; `bonafide` and `spoof` (points,)
    count the scores below them, so both start at 0 and end at the class's size.
    """

    thresholds: FloatArray
    bonafide: IntArray
    spoof: IntArray


@dataclass(frozen=True)
class DetPoints:
    """The operating points by rising threshold, arrays (points,): FAR falls from 1 to 0, FRR rises from 0 to 1."""

    far: FloatArray
    frr: FloatArray
    thresholds: FloatArray


def eer(bonafide_scores: ArrayLike, spoof_scores: ArrayLike, *, condition: str = "") -> EerResult:
    """The EER of `bonafide_scores` (trials,) against `spoof_scores` (trials,): where FAR and FRR cross.

    FRR - FAR rises from -1 to 1 over the operating points. Between the last point where it is not above 0 and the
    next one, FAR and FRR are interpolated linearly, and the EER is the rate at which they are equal (the corner points
    of the ROC curve joined by straight lines, cut by FAR = FRR; its convex hull is not taken). A constant scorer has an
    EER of 0.5, and negating all scores turns e into 1 - e.

    `condition` names the trials in error messages. Raises RequestError when a class has no trials or a score is NaN or
    infinite.
    """
    points = rejected_counts(bonafide_scores, spoof_scores, condition=condition)
    n_bonafide, n_spoof = int(points.bonafide[-1]), int(points.spoof[-1])
    excess = frr_minus_far(points.bonafide, points.spoof, n_bonafide, n_spoof)
    last = int(np.searchsorted(excess, 0, side="right")) - 1
    rate = crossing_rate(
        points.bonafide[last : last + 1], points.bonafide[last + 1 : last + 2], excess[last], excess[last + 1]
    )
    nearest = last if -excess[last] <= excess[last + 1] else last + 1
    return EerResult(float(rate[0] / n_bonafide), float(points.thresholds[nearest]))


def eer_asvspoof(bonafide_scores: ArrayLike, spoof_scores: ArrayLike, *, condition: str = "") -> EerResult:
    """The EER as the ASVspoof challenges' scripts compute it: (FAR + FRR) / 2 at the point where |FRR - FAR| is least.

    Equal to those scripts to the last bit where no two scores are equal. Where scores of both classes tie, the scripts
    order bona fide first and so count thresholds that do not exist (a constant scorer gets 1.0); this function has
    operating points at distinct scores only (a constant scorer gets 0.5). The scripts' threshold is the next lower
    score, because they reject a trial whose score equals the threshold. Raises as `eer`.
    """
    points = det_points(bonafide_scores, spoof_scores, condition=condition)
    best = int(np.argmin(np.abs(points.frr - points.far)))
    return EerResult(float(np.mean([points.frr[best], points.far[best]])), float(points.thresholds[best]))


def det_points(bonafide_scores: ArrayLike, spoof_scores: ArrayLike, *, condition: str = "") -> DetPoints:
    """All operating points of the two lists of scores, each (trials,). Raises as `eer`."""
    points = rejected_counts(bonafide_scores, spoof_scores, condition=condition)
    n_bonafide, n_spoof = points.bonafide[-1], points.spoof[-1]
    return DetPoints((n_spoof - points.spoof) / n_spoof, points.bonafide / n_bonafide, points.thresholds)


def min_dcf(
    bonafide_scores: ArrayLike,
    spoof_scores: ArrayLike,
    *,
    p_spoof: float = 0.05,
    c_miss: float = 1.0,
    c_fa: float = 10.0,
    condition: str = "",
) -> float:
    """The minimum normalised detection cost over all thresholds; 1 is the cost of the better constant decision.

    DCF(t) = c_miss (1 - p_spoof) FRR(t) + c_fa p_spoof FAR(t), divided by min(c_miss (1 - p_spoof), c_fa p_spoof): the
    primary metric of the ASVspoof 5 evaluation plan, whose costs are the defaults. Raises as `eer`, and RequestError
    for a prior outside (0, 1) or a cost that is not above 0.
    """
    if not 0 < p_spoof < 1 or c_miss <= 0 or c_fa <= 0:
        raise RequestError(
            f"minDCF needs 0 < p_spoof < 1, c_miss > 0 and c_fa > 0; got p_spoof={p_spoof!r}, c_miss={c_miss!r}, "
            f"c_fa={c_fa!r}. ASVspoof 5 uses 0.05, 1 and 10."
        )
    points = det_points(bonafide_scores, spoof_scores, condition=condition)
    miss_cost, false_alarm_cost = c_miss * (1 - p_spoof), c_fa * p_spoof
    cost = miss_cost * points.frr + false_alarm_cost * points.far
    return float(cost.min() / min(miss_cost, false_alarm_cost))


def rejected_counts(bonafide_scores: ArrayLike, spoof_scores: ArrayLike, *, condition: str = "") -> RejectedCounts:
    """The counts below every operating point, from scores (trials,) of each class. Raises as `eer`."""
    bonafide = np.sort(checked_scores(bonafide_scores, "bonafide", condition))
    spoof = np.sort(checked_scores(spoof_scores, "spoof", condition))
    values = np.unique(np.concatenate([bonafide, spoof]))
    return RejectedCounts(
        thresholds=np.append(values, np.inf),
        bonafide=np.append(np.searchsorted(bonafide, values, side="left"), bonafide.size),
        spoof=np.append(np.searchsorted(spoof, values, side="left"), spoof.size),
    )


def checked_scores(scores: ArrayLike, key: str, condition: str) -> FloatArray:
    """`scores` as float64 (trials,); RequestError, naming class and condition, if empty, not 1-D or not finite."""
    values = np.asarray(scores, dtype=np.float64)
    place = f" in condition {condition!r}" if condition else ""
    if values.ndim != 1:
        raise RequestError(f"{key} scores{place} have shape {values.shape}; expected (trials,), one score per trial.")
    if values.size == 0:
        raise RequestError(
            f"no {key} trials{place}: an error rate needs both bonafide and spoof trials. "
            f"Check the evaluation's {key} renditions, and that the corpus split holds {key} utterances."
        )
    unusable = int(np.count_nonzero(~np.isfinite(values)))
    if unusable:
        raise RequestError(
            f"{unusable} of {values.size} {key} scores{place} are NaN or infinite: the detector diverged or the audio "
            f"was unreadable. Look at those utterances' scores; train or score that cell again."
        )
    return values


def frr_minus_far(
    below_bonafide: IntArray, below_spoof: IntArray, n_bonafide: ArrayLike, n_spoof: ArrayLike
) -> IntArray:
    """(FRR - FAR) x n_bonafide x n_spoof from the counts below a threshold: integers, so its sign is exact."""
    n_bonafide, n_spoof = np.asarray(n_bonafide, dtype=np.int64), np.asarray(n_spoof, dtype=np.int64)
    return below_bonafide * n_spoof - (n_spoof - below_spoof) * n_bonafide


def crossing_rate(below: IntArray, below_next: IntArray, excess: ArrayLike, excess_next: ArrayLike) -> FloatArray:
    """The number of bona fide trials, not rounded, rejected where FAR and FRR cross between two operating points.

    `below` and `below_next` are the bona fide counts below the two thresholds; `excess` (not above 0) and
    `excess_next` (above 0) are `frr_minus_far` there.
    """
    excess, excess_next = np.asarray(excess, dtype=np.float64), np.asarray(excess_next, dtype=np.float64)
    weight = excess / (excess - excess_next)
    return below + weight * (below_next - below)
