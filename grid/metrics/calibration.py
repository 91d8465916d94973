"""Whether scores can be used as they are, beside whether they rank well: Cllr, actual DCF, rates at a fixed threshold.

EER, AUC, minimum DCF and minimum Cllr depend on the order of the scores alone. Cllr and actual DCF read each score as a
natural log-likelihood ratio, bona fide over spoof, and also punish scores that are shifted or scaled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression

from grid.core.errors import RequestError
from grid.metrics.detection import checked_scores, eer, min_dcf, rejected_counts

P_SPOOF, C_MISS, C_FA = 0.05, 1.0, 10.0
"""Prior and costs of the ASVspoof 5 evaluation plan (Delgado et al. 2024)."""
BAYES_THRESHOLD = math.log(C_FA * P_SPOOF / (C_MISS * (1 - P_SPOOF)))
"""The log-likelihood ratio from which accepting a trial costs less than rejecting it, under that prior and costs."""


@dataclass(frozen=True)
class ErrorRates:
    """The error rates, fractions, when trials at or above a threshold are accepted as bona fide."""

    far: float
    frr: float

    @property
    def balanced_accuracy(self) -> float:
        """The mean of the shares of both classes that are decided rightly."""
        return 1 - (self.far + self.frr) / 2


@dataclass(frozen=True)
class Calibration:
    """What one detector's scores are worth on one evaluation: as a ranking, and as they are.

    `eer` and `auc` are fractions; `min_dcf` and `act_dcf` are normalised, 1 being the better constant decision; `cllr`
    and `min_cllr` are bits, 1 for scores that say nothing. `far` and `frr` are the rates at a threshold fixed on dev,
    None where the cell has none.
    """

    eer: float
    auc: float
    min_dcf: float
    act_dcf: float
    cllr: float
    min_cllr: float
    far: float | None = None
    frr: float | None = None

    @property
    def loss(self) -> float:
        """The calibration loss in bits: what the best monotonic map of the scores would gain (Cllr - minimum Cllr)."""
        return self.cllr - self.min_cllr

    @property
    def balanced_accuracy(self) -> float | None:
        """The balanced accuracy at the dev threshold; None without one."""
        return None if self.far is None or self.frr is None else ErrorRates(self.far, self.frr).balanced_accuracy


def calibrate(
    bonafide_scores: ArrayLike, spoof_scores: ArrayLike, *, dev_threshold: float | None, condition: str = ""
) -> Calibration:
    """All numbers of scores (trials,) of each class. Raises RequestError as `grid.metrics.detection.eer`."""
    scores = (bonafide_scores, spoof_scores)
    rates = None if dev_threshold is None else error_rates(*scores, dev_threshold, condition=condition)
    return Calibration(
        eer=eer(*scores, condition=condition).eer,
        auc=auc(*scores, condition=condition),
        min_dcf=min_dcf(*scores, p_spoof=P_SPOOF, c_miss=C_MISS, c_fa=C_FA, condition=condition),
        act_dcf=actual_dcf(*scores, condition=condition),
        cllr=cllr(*scores, condition=condition),
        min_cllr=min_cllr(*scores, condition=condition),
        far=None if rates is None else rates.far,
        frr=None if rates is None else rates.frr,
    )


def cllr(bonafide_scores: ArrayLike, spoof_scores: ArrayLike, *, condition: str = "") -> float:
    """The cost of log-likelihood ratios in bits (Brümmer and du Preez 2006, "Application-independent evaluation of
    speaker detection", Computer Speech and Language 20).

    The mean of log2(1 + exp(-s)) over bona fide and of log2(1 + exp(s)) over spoof, halved. Raises as `eer`.
    """
    bonafide = checked_scores(bonafide_scores, "bonafide", condition)
    spoof = checked_scores(spoof_scores, "spoof", condition)
    nats = np.logaddexp(0, -bonafide).mean() + np.logaddexp(0, spoof).mean()
    return float(nats / (2 * math.log(2)))


def min_cllr(bonafide_scores: ArrayLike, spoof_scores: ArrayLike, *, condition: str = "") -> float:
    """The Cllr after the best map of the scores that keeps their order (same source: pool adjacent violators).

    Equal scores stay equal, so the result does not depend on the order of trials. Raises as `eer`.
    """
    points = rejected_counts(bonafide_scores, spoof_scores, condition=condition)
    bonafide, spoof = np.diff(points.bonafide), np.diff(points.spoof)
    trials = bonafide + spoof
    # clipped, as rounding may carry a mean of ones just above 1
    posterior = np.clip(isotonic_regression(bonafide / trials, weights=trials).x, 0, 1)
    with np.errstate(divide="ignore"):
        ratio = np.log(posterior) - np.log1p(-posterior) - math.log(bonafide.sum() / spoof.sum())
    has_bonafide, has_spoof = bonafide > 0, spoof > 0
    cost_bonafide = (bonafide[has_bonafide] * np.logaddexp(0, -ratio[has_bonafide])).sum() / bonafide.sum()
    cost_spoof = (spoof[has_spoof] * np.logaddexp(0, ratio[has_spoof])).sum() / spoof.sum()
    return float((cost_bonafide + cost_spoof) / (2 * math.log(2)))


def actual_dcf(bonafide_scores: ArrayLike, spoof_scores: ArrayLike, *, condition: str = "") -> float:
    """The normalised detection cost of deciding at `BAYES_THRESHOLD`, as ASVspoof 5 does; at least `min_dcf`.

    Raises as `eer`.
    """
    rates = error_rates(bonafide_scores, spoof_scores, BAYES_THRESHOLD, condition=condition)
    miss_cost, false_alarm_cost = C_MISS * (1 - P_SPOOF), C_FA * P_SPOOF
    return (miss_cost * rates.frr + false_alarm_cost * rates.far) / min(miss_cost, false_alarm_cost)


def auc(bonafide_scores: ArrayLike, spoof_scores: ArrayLike, *, condition: str = "") -> float:
    """The probability that a bona fide trial scores above a spoof one, equal scores counting half. Raises as `eer`."""
    points = rejected_counts(bonafide_scores, spoof_scores, condition=condition)
    bonafide, spoof = np.diff(points.bonafide), np.diff(points.spoof)
    wins = (bonafide * (points.spoof[:-1] + spoof / 2)).sum()
    return float(wins / (bonafide.sum() * spoof.sum()))


def error_rates(
    bonafide_scores: ArrayLike, spoof_scores: ArrayLike, threshold: float, *, condition: str = ""
) -> ErrorRates:
    """FAR and FRR at a threshold, such as one fixed on dev. Raises as `eer`, and RequestError for a NaN threshold."""
    if math.isnan(threshold):
        raise RequestError(f"a threshold is a score, not {threshold}: look at the dev scores it was fixed on")
    bonafide = checked_scores(bonafide_scores, "bonafide", condition)
    spoof = checked_scores(spoof_scores, "spoof", condition)
    return ErrorRates(far=float(np.mean(spoof >= threshold)), frr=float(np.mean(bonafide < threshold)))
