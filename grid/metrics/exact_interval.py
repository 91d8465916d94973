"""An interval of an EER that holds for any number of trials and any distribution of scores."""

from __future__ import annotations

from math import ceil, floor

ROUNDING = 1e-9
"""An EER times a number of trials is a whole number up to rounding where the error rates cross at a score."""


def exact_eer_interval(eer: float, n_bonafide: int, n_spoof: int, *, level: float = 0.95) -> tuple[float, float]:
    """The lower and upper end, fractions, that hold the true EER with at least probability `level`.

    `eer` is that of `grid.metrics.detection.eer`. At the threshold where the true FRR and FAR are both e, the observed
    ones are binomial shares of e, and the observed EER lies between them, for FRR only rises and FAR only falls with
    the threshold. So if the EER is x, one class had at most x of its trials wrong there, and one at least x: the
    interval is the union of the Clopper-Pearson intervals of x in both classes, at half of the error each. Trials are
    taken as independent, and scores without ties between the classes; it is wider than it needs to be.
    """
    tail = (1 - level) / 4
    lower = min(_lower(ceil(eer * trials - ROUNDING), trials, tail) for trials in (n_bonafide, n_spoof))
    upper = max(1 - _lower(trials - floor(eer * trials + ROUNDING), trials, tail) for trials in (n_bonafide, n_spoof))
    return lower, upper


def _lower(wrong: int, trials: int, tail: float) -> float:
    """The share that gives `wrong` or more of `trials` with probability `tail` (Clopper and Pearson 1934)."""
    from scipy.special import betaincinv

    return float(betaincinv(wrong, trials - wrong + 1, tail)) if wrong else 0.0
