"""Owns what a report needs of a test of significance: one training beside the best baseline on one evaluation."""

from __future__ import annotations

from dataclasses import dataclass

from grid.metrics.significance import Predictions


@dataclass(frozen=True)
class Procedure:
    """What all tests of an experiment share: their level, what a prediction is, the replicates of the bootstrap."""

    level: float
    predictions: Predictions
    replicates: int


@dataclass(frozen=True)
class Significance:
    """A finished cell against `baseline`, the detector with the lowest pooled EER of the baselines of its seed.

    `eer` and `baseline_eer` are pooled (fractions). `t_p` and `wilcoxon_p` are of the paired tests on predictions, NaN
    where there is nothing to test; `difference` (fraction), its bounds and `bootstrap_p` of the paired bootstrap of
    the EER, `adjusted_p` for all comparisons of the grid (Holm). `drawn` says what the bootstrap draws, `8 speakers`;
    `note` why the tests say little, "" where they can speak.
    """

    cell_id: str
    evaluation: str
    baseline: str
    eer: float
    baseline_eer: float
    t_p: float
    wilcoxon_p: float
    difference: float
    lower: float
    upper: float
    bootstrap_p: float
    adjusted_p: float
    drawn: str
    procedure: Procedure
    note: str

    @property
    def predictions_differ(self) -> bool:
        """Whether both tests on predictions say so, as the CodecFake paper asks."""
        return self.t_p < self.procedure.level and self.wilcoxon_p < self.procedure.level

    @property
    def eers_differ(self) -> bool:
        """Whether the bootstrap says so after the correction for many comparisons."""
        return self.adjusted_p < self.procedure.level
