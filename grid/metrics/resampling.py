"""Bootstrap resamples as counts of trials below a threshold: over single trials, and over groups of trials.

Both kinds answer the same question: in each replicate, how many trials of each class (row 0 bona fide, row 1 spoof)
lie below a given threshold? Thresholds are indices into `RejectedCounts.thresholds`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from grid.core.errors import RequestError
from grid.metrics.detection import FloatArray, IntArray, RejectedCounts


@dataclass(frozen=True)
class Bracket:
    """Two thresholds per replicate, `low` <= `high` (replicates,), and the counts (2, replicates) below each."""

    low: IntArray
    high: IntArray
    below_low: IntArray
    below_high: IntArray


class Resample(Protocol):
    """The resampled trials of both classes in every replicate."""

    def totals(self) -> IntArray:
        """The number of trials (2, replicates)."""

    def below(self, threshold: IntArray, bracket: Bracket) -> IntArray:
        """The counts (2, replicates) below `threshold` (replicates,), which lies inside `bracket`."""


class TrialResample:
    """Trials drawn one by one with replacement, as many from each class as it has.

    The number of draws between two thresholds is known before a third threshold splits it; the split is binomial and
    is drawn only when a threshold is requested. The joint distribution is the multinomial of drawing each trial.
    """

    def __init__(self, points: RejectedCounts, replicates: int, generator: np.random.Generator) -> None:
        self._original = np.stack([points.bonafide, points.spoof])
        self._replicates = replicates
        self._generator = generator

    def totals(self) -> IntArray:
        return np.repeat(self._original[:, -1:], self._replicates, axis=1)

    def below(self, threshold: IntArray, bracket: Bracket) -> IntArray:
        start = self._original[:, bracket.low]
        part = self._original[:, threshold] - start
        whole = self._original[:, bracket.high] - start
        share = part / np.maximum(whole, 1)
        return bracket.below_low + self._generator.binomial(bracket.below_high - bracket.below_low, share)


class GroupedTrials:
    """The trials of both classes arranged by group (speaker): the part of a group bootstrap that needs no draws.

    Groups are drawn with replacement within three strata: those with bona fide trials only, with spoof trials only,
    and with both. So a replicate never lacks a class, and the trials of a speaker with both classes stay together.
    """

    def __init__(
        self,
        points: RejectedCounts,
        scores: tuple[FloatArray, FloatArray],
        groups: tuple[Sequence[str], Sequence[str]],
        condition: str = "",
    ) -> None:
        self._place = f" in condition {condition!r}" if condition else ""
        labels = [np.asarray(group, dtype=str) for group in groups]
        for key, values, label in zip(("bonafide", "spoof"), scores, labels, strict=True):
            if label.shape != values.shape:
                raise RequestError(
                    f"{label.size} groups for {values.size} {key} scores{self._place}; each score needs its group."
                )
        self.points = points.thresholds.size
        self.names, codes = np.unique(np.concatenate(labels), return_inverse=True)
        self._keys: list[IntArray] = []
        for values, code in zip(scores, (codes[: scores[0].size], codes[scores[0].size :]), strict=True):
            bins = np.searchsorted(points.thresholds, values)
            self._keys.append(np.sort(code * self.points + bins))

    @cached_property
    def strata(self) -> list[IntArray]:
        """The groups (places in `names`) of each stratum; RequestError where a class has fewer than 2 to draw from."""
        edges = np.arange(self.names.size + 1) * self.points
        has_bonafide, has_spoof = (np.diff(np.searchsorted(keys, edges)) > 0 for keys in self._keys)
        kinds = {
            "bonafide": has_bonafide & ~has_spoof,
            "spoof": has_spoof & ~has_bonafide,
            "": has_bonafide & has_spoof,
        }
        for key in ("bonafide", "spoof"):
            if max(kinds[key].sum(), kinds[""].sum()) < 2:
                raise RequestError(
                    f"the {key} trials{self._place} come from fewer than 2 groups (speakers) that can be resampled: "
                    f"{', '.join(self.names[kinds[key] | kinds['']])}. Leave out the groups to resample trials instead."
                )
        return [np.flatnonzero(kind) for kind in kinds.values() if kind.any()]

    def draw(self, replicates: int, generator: np.random.Generator) -> IntArray:
        """How often each group was drawn, (replicates, groups), groups in the order of `names`."""
        weights = np.zeros((replicates, self.names.size), dtype=np.int64)
        for stratum in self.strata:
            chosen = generator.integers(stratum.size, size=(replicates, stratum.size))
            flat_index = np.arange(replicates)[:, None] * stratum.size + chosen
            drawn = np.bincount(flat_index.ravel(), minlength=replicates * stratum.size)
            weights[:, stratum] = drawn.reshape(replicates, stratum.size)
        return weights

    def below(self, threshold: IntArray, weights: IntArray) -> IntArray:
        """The weighted counts (2, replicates) below `threshold` (replicates,)."""
        start = np.arange(self.names.size) * self.points
        rows = []
        for keys in self._keys:
            counts = np.searchsorted(keys, start + threshold[:, None]) - np.searchsorted(keys, start)
            rows.append((weights * counts).sum(axis=1))
        return np.stack(rows)


class GroupResample:
    """The trials of groups drawn `weights` (replicates, groups) times."""

    def __init__(self, trials: GroupedTrials, weights: IntArray) -> None:
        self._trials = trials
        self._weights = weights
        self._end = trials.points - 1

    def totals(self) -> IntArray:
        return self._trials.below(np.full(len(self._weights), self._end), self._weights)

    def below(self, threshold: IntArray, bracket: Bracket) -> IntArray:
        return self._trials.below(threshold, self._weights)
