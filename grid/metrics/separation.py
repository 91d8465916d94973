"""How well one number alone tells bona fide from spoof: its EER in the better direction, and when that is a leak."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from grid.metrics.detection import eer
from grid.metrics.exact_interval import exact_eer_interval

LEAK = 0.30
"""A number leaks if the exact 95 % interval of its EER ends below this. Speakers and texts that differ by chance leave
most EERs at 40 to 50 %; twice the 15.1 % of ASVspoof 2019's silence (Müller et al. 2021) is no chance any more."""


@dataclass(frozen=True)
class Separation:
    """The EER of one number as the score.

    `eer` (fraction) is that of the better direction, so it is at most 0.5, which is no leak; `bonafide_is_larger` says
    which direction that is. `lower` and `upper` are its exact 95 % interval (`exact_eer_interval`), and so may exceed
    0.5. The medians are in the unit of the number.
    """

    eer: float
    lower: float
    upper: float
    bonafide_is_larger: bool
    bonafide_median: float
    spoof_median: float
    n_bonafide: int
    n_spoof: int

    @property
    def leaks(self) -> bool:
        """Whether the number tells the classes apart, beyond what few trials give by chance."""
        return self.upper < LEAK


def separation(bonafide: ArrayLike, spoof: ArrayLike, *, condition: str = "") -> Separation:
    """The separation by a number with these values, (trials,) of each class. Raises as `grid.metrics.detection.eer`."""
    bonafide_values, spoof_values = np.asarray(bonafide, dtype=np.float64), np.asarray(spoof, dtype=np.float64)
    rate = eer(bonafide_values, spoof_values, condition=condition).eer
    better = min(rate, 1 - rate)
    lower, upper = exact_eer_interval(better, len(bonafide_values), len(spoof_values))
    return Separation(
        eer=better,
        lower=lower,
        upper=upper,
        bonafide_is_larger=rate <= 0.5,
        bonafide_median=float(np.median(bonafide_values)),
        spoof_median=float(np.median(spoof_values)),
        n_bonafide=len(bonafide_values),
        n_spoof=len(spoof_values),
    )
