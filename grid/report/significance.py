"""Owns what a report needs of a test of significance: one training beside the best baseline on one evaluation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Significance:
    """A finished cell against `baseline`, the detector with the lowest pooled EER of the baselines of its seed.

    `t_p` and `wilcoxon_p` are of the paired tests on predictions, NaN where there is nothing to test; `difference`
    (fraction), its bounds and `bootstrap_p` of the paired bootstrap of the EER, `adjusted_p` for all comparisons of
    the grid (Holm). `level` is that of the tests; `note` says why they say little, "" where they can speak.
    """

    cell_id: str
    evaluation: str
    baseline: str
    t_p: float
    wilcoxon_p: float
    difference: float
    lower: float
    upper: float
    bootstrap_p: float
    adjusted_p: float
    level: float
    note: str

    @property
    def predictions_differ(self) -> bool:
        """Whether both tests on predictions say so, as the CodecFake paper asks."""
        return self.t_p < self.level and self.wilcoxon_p < self.level

    @property
    def eers_differ(self) -> bool:
        """Whether the bootstrap says so after the correction for many comparisons."""
        return self.adjusted_p < self.level
