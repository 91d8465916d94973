"""Tests of whether a detector differs from its baseline: on predictions, and by the paired bootstrap of EERs (Holm).

The CodecFake paper (Wu et al., 2024, Table 3) marks what differs from the best baseline by the paired t-test and by
Wilcoxon's signed-rank test at p < 0.01 "on classifier predictions". Both treat trials as independent and compare
outputs, not error rates. The paired bootstrap tests the EER difference that the table shows; with Holm's correction
it holds for a whole table of comparisons.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from grid.core.errors import RequestError
from grid.metrics.detection import FloatArray, checked_scores, eer
from grid.metrics.differences import Scores, paired_replicates
from grid.metrics.intervals import Groups

LEVEL = 0.01
"""The level of the CodecFake paper."""
FEWEST_TRIALS = 20
"""Of each class: with fewer, a single trial changes the EER by more than 5 %."""
REPLICATES = 10_000
"""Of the bootstrap test: its smallest p-value is 2 / (replicates + 1), which has to pass the corrected level."""

Predictions = Literal["scores", "decisions"]


@dataclass(frozen=True)
class PredictionTests:
    """Two-sided p-values of the paired tests on the predictions of two detectors; NaN where there is nothing to test.

    `mean_difference` is the mean over `trials` trials of the detector's prediction minus the baseline's; more is
    better. `note` says why the tests have too little data, "" where they have enough.
    """

    mean_difference: float
    t_p_value: float
    wilcoxon_p_value: float
    trials: int
    level: float
    note: str

    @property
    def significant(self) -> bool:
        """Whether both tests are significant, as the paper requires."""
        return self.t_p_value < self.level and self.wilcoxon_p_value < self.level


@dataclass(frozen=True)
class ScorePair:
    """One comparison: the scores of a detector and of its baseline on the same trials.

    `groups` (speakers) or `systems` make the bootstrap draw those instead of trials; see `grid.metrics.differences`.
    """

    name: str
    scores: Scores
    baseline: Scores
    groups: Groups | None = None
    systems: Groups | None = None


@dataclass(frozen=True)
class EerTest:
    """The EER of a detector minus that of its baseline (fractions) with its 1 - `level` interval and its p-values.

    `p_value` is two-sided and for this comparison alone, `adjusted` is corrected for all tested together (Holm).
    """

    name: str
    difference: float
    lower: float
    upper: float
    p_value: float
    adjusted: float
    level: float
    note: str

    @property
    def significant(self) -> bool:
        """Whether the EERs differ, at a family-wise error rate of `level` over all comparisons."""
        return self.adjusted < self.level


def best_baseline(baselines: Mapping[str, Scores]) -> str:
    """The name of the detector with the lowest EER; ties go to the first name in alphabetical order."""
    if not baselines:
        raise RequestError("there is no baseline to compare with")
    return min(sorted(baselines), key=lambda name: eer(*baselines[name], condition=name).eer)


def prediction_tests(
    scores: Scores, baseline: Scores, *, of: Predictions = "scores", level: float = LEVEL, condition: str = ""
) -> PredictionTests:
    """The paired t-test and Wilcoxon's signed-rank test (`scipy.stats`) of two detectors on the same trials.

    The paper does not define what a prediction is. `scores` takes the scores, negated for spoofs, so that more is
    better; they are comparable only where both detectors' scores have the same unit (the same kind of logit or
    probability). `decisions` takes 1 for right and 0 for wrong, each detector at its own EER threshold. Raises
    RequestError as `eer`, and for trials that cannot be paired.
    """
    from scipy import stats  # takes half a second

    sizes = _paired_sizes(scores, baseline, condition)
    own, theirs = (_predictions(pair, of, condition) for pair in (scores, baseline))
    difference = own - theirs
    differing = int(np.count_nonzero(difference))
    varies = np.ptp(difference) > 0 if difference.size > 1 else False
    return PredictionTests(
        mean_difference=float(difference.mean()),
        t_p_value=float(stats.ttest_rel(own, theirs).pvalue) if varies else math.nan,
        wilcoxon_p_value=float(stats.wilcoxon(difference).pvalue) if differing else math.nan,
        trials=difference.size,
        level=level,
        note=_small_note(sizes) or _few_differ_note(differing, level),
    )


def eer_tests(
    pairs: Sequence[ScorePair], *, level: float = LEVEL, replicates: int = REPLICATES, seed: int = 0
) -> list[EerTest]:
    """Whether each pair's EERs differ, by the paired bootstrap, corrected for all of `pairs`; in their order.

    The p-value inverts the percentile interval (Davison and Hinkley 1997, section 5.3): twice the smaller share of
    replicates on either side of zero, with 1 added to each count and to the number of replicates. Raises RequestError
    as `grid.metrics.differences.compare`.
    """
    from statsmodels.stats.multitest import multipletests  # takes a second

    if not pairs:
        return []
    replicated = [
        paired_replicates(
            pair.scores,
            pair.baseline,
            replicates=replicates,
            seed=seed,
            groups=pair.groups,
            systems=pair.systems,
            condition=pair.name,
        )
        for pair in pairs
    ]
    p_values = [_p_value(differences) for differences in replicated]
    _, corrected, *_ = multipletests(p_values, method="holm")
    tests = []
    for pair, differences, p_value, adjusted in zip(pairs, replicated, p_values, corrected, strict=True):
        value = eer(*pair.scores, condition=pair.name).eer - eer(*pair.baseline, condition=pair.name).eer
        lower, upper = np.quantile(differences, [level / 2, 1 - level / 2])
        note = _small_note(_paired_sizes(pair.scores, pair.baseline, pair.name))
        if not note and 2 / (differences.size + 1) * len(pairs) >= level:
            note = f"too few replicates ({differences.size}) for {len(pairs)} comparisons at {level:g}"
        tests.append(EerTest(pair.name, value, float(lower), float(upper), p_value, float(adjusted), level, note))
    return tests


def _p_value(differences: FloatArray) -> float:
    least = min(np.count_nonzero(differences <= 0), np.count_nonzero(differences >= 0))
    return float(min(1.0, 2 * (least + 1) / (differences.size + 1)))


def _predictions(scores: Scores, of: Predictions, condition: str) -> FloatArray:
    """One number for each trial (trials,), bona fide first: more is better."""
    bonafide = checked_scores(scores[0], "bonafide", condition)
    spoof = checked_scores(scores[1], "spoof", condition)
    if of == "scores":
        return np.concatenate([bonafide, -spoof])
    threshold = eer(bonafide, spoof, condition=condition).threshold
    return np.concatenate([bonafide >= threshold, spoof < threshold]).astype(np.float64)


def _paired_sizes(scores: Scores, baseline: Scores, condition: str) -> tuple[int, int]:
    sizes, baseline_sizes = ((int(np.size(pair[0])), int(np.size(pair[1]))) for pair in (scores, baseline))
    if sizes != baseline_sizes:
        raise RequestError(
            f"{condition or 'the comparison'}: {sizes} and {baseline_sizes} bona fide and spoof trials cannot be "
            "paired; score both detectors on the same trials."
        )
    return sizes


def _small_note(sizes: tuple[int, int]) -> str:
    bonafide, spoof = sizes
    return f"too small: {bonafide} bona fide and {spoof} spoof trials" if min(sizes) < FEWEST_TRIALS else ""


def _few_differ_note(differing: int, level: float) -> str:
    """Wilcoxon's least p-value with n trials that differ is 2 / 2^n."""
    return f"too small: {differing} trials differ" if 2.0 ** (1 - differing) >= level else ""
