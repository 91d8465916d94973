"""An interval of an EER that holds for any number of trials and any distribution of scores."""

from __future__ import annotations

from math import ceil, floor

from scipy.stats import binomtest

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
    shares = [
        (
            _exact(ceil(eer * trials - ROUNDING), trials, level)[0],
            _exact(floor(eer * trials + ROUNDING), trials, level)[1],
        )
        for trials in (n_bonafide, n_spoof)
    ]
    return min(lower for lower, _ in shares), max(upper for _, upper in shares)


def _exact(wrong: int, trials: int, level: float) -> tuple[float, float]:
    found = binomtest(wrong, trials).proportion_ci((1 + level) / 2, method="exact")
    return float(found.low), float(found.high)
