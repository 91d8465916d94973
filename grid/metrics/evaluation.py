"""The numbers reported for one condition of an evaluation: EER with its interval, minDCF, trial counts, mean scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from grid.metrics.conditional_bootstrap import conditional_bootstrap_eer
from grid.metrics.detection import eer, min_dcf
from grid.metrics.intervals import DEFAULT_LEVEL, DEFAULT_REPLICATES, Groups, bootstrap_eer


@dataclass(frozen=True)
class Measurement:
    """The numbers of one detector on one condition of one evaluation.

    `condition` is `pooled`, `codec=NAME`, `attack=NAME` or `attack=NAME,codec=NAME`. EERs are fractions (0 to 1);
    `eer_lower` and `eer_upper` bound the bootstrap interval; `min_dcf` has ASVspoof 5 costs and is 1 for a useless
    detector; `bonafide_mean` and `spoof_mean` are mean scores, in the detector's own unit.
    """

    evaluation: str
    condition: str
    eer: float
    eer_lower: float
    eer_upper: float
    min_dcf: float
    n_bonafide: int
    n_spoof: int
    bonafide_mean: float
    spoof_mean: float


def measure(
    name: str,
    condition: str,
    bonafide_scores: ArrayLike,
    spoof_scores: ArrayLike,
    *,
    seed: int = 0,
    replicates: int = DEFAULT_REPLICATES,
    level: float = DEFAULT_LEVEL,
    groups: Groups | None = None,
    systems: Groups | None = None,
) -> Measurement:
    """The measurement of one condition from its scores, (trials,) for each class; higher is more bona fide.

    `groups` are the speakers of the bona fide and of the spoof trials, for an interval over speakers; `systems` are
    their systems, for the conditional bootstrap, which takes no seed. Raises RequestError, naming evaluation and
    condition, for a class without trials and for a score that is NaN or infinite.
    """
    place = f"{name}/{condition}"
    scores = (bonafide_scores, spoof_scores)
    if systems is not None:
        interval = conditional_bootstrap_eer(*scores, systems, replicates=replicates, level=level, condition=place)
    else:
        interval = bootstrap_eer(*scores, replicates=replicates, seed=seed, level=level, groups=groups, condition=place)
    return Measurement(
        evaluation=name,
        condition=condition,
        eer=eer(bonafide_scores, spoof_scores, condition=place).eer,
        eer_lower=interval.lower,
        eer_upper=interval.upper,
        min_dcf=min_dcf(bonafide_scores, spoof_scores, condition=place),
        n_bonafide=int(np.size(bonafide_scores)),
        n_spoof=int(np.size(spoof_scores)),
        bonafide_mean=float(np.mean(np.asarray(bonafide_scores, dtype=np.float64))),
        spoof_mean=float(np.mean(np.asarray(spoof_scores, dtype=np.float64))),
    )
