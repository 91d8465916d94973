"""Owns the distribution of predicted MOS of each system beside that of the bona fide speech (CodecFake+, Figure 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

BONAFIDE_SYSTEM = ""
"""What stands for the system of bona fide speech."""


@dataclass(frozen=True)
class SystemMos:
    """The predicted MOS of `count` utterances of a system: mean, quartiles, and the share above a threshold (0 to 1).

    `system` is the attack, BONAFIDE_SYSTEM for recordings.
    """

    system: str
    count: int
    mean: float
    lower: float
    median: float
    upper: float
    share_above: float


def mos_by_system(systems: Sequence[str], mos: ArrayLike, *, threshold: float) -> tuple[SystemMos, ...]:
    """One entry per system, from the system and the MOS (utterances,) of each utterance; NaN is not rated.

    Bona fide speech comes first, then the systems from the best median to the worst.
    """
    values = np.asarray(mos, dtype=np.float64)
    names = np.array(systems, dtype=object)
    rated = ~np.isnan(values)
    found = [_summary(name, values[rated & (names == name)], threshold) for name in sorted(set(names[rated]))]
    return tuple(sorted(found, key=lambda item: (item.system != BONAFIDE_SYSTEM, -item.median, item.system)))


def _summary(system: str, values: np.ndarray, threshold: float) -> SystemMos:
    lower, median, upper = (float(value) for value in np.percentile(values, (25, 50, 75)))
    above = float(np.mean(values > threshold))
    return SystemMos(str(system), len(values), float(values.mean()), lower, median, upper, above)
