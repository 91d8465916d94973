"""The conditional bootstrap of the CodecFake+ paper: systems are drawn first, then the trials of the drawn systems.

The recipe is that of luferrer/ConfidenceIntervals (commit 4e408ca; Ferrer and Riera, 2023; PyPI
`confidence_intervals`), which the paper cites, and its numbers are reproduced exactly. Replicate number i begins every
draw again from the seed i:

1. of the S systems, in the order of their names, draw S with replacement;
2. of each drawn system draw as many trials as it has, with replacement, once; a system drawn twice has each of these
   trials twice, and two systems of the same size get the same positions.

So the intervals are wider than those over trials, and there is no seed to choose. Work that the recipe repeats is done
once here: systems of similar size share their random words, and the drawn trials are counted instead of sorted, first
by bins of the score and then within the one bin in which FAR and FRR cross.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grid.core.errors import RequestError
from grid.metrics.detection import (
    FloatArray,
    IntArray,
    RejectedCounts,
    checked_scores,
    crossing_rate,
    frr_minus_far,
    rejected_counts,
)
from grid.metrics.intervals import DEFAULT_LEVEL, DEFAULT_REPLICATES, Groups, Interval

BINS = 1024
"""Bins of the scores in the first count; a replicate's EER is exact for any number of bins."""
LEAST_SHARE = 0.5
"""The smallest share of replicates with both classes; with fewer, the interval is not over the systems given."""


def conditional_bootstrap_eer(
    bonafide_scores: ArrayLike,
    spoof_scores: ArrayLike,
    systems: Groups,
    *,
    replicates: int = DEFAULT_REPLICATES,
    level: float = DEFAULT_LEVEL,
    condition: str = "",
) -> Interval:
    """The percentile interval of `eer` over new systems; `systems` as in `conditional_replicates`.

    Replicates that lack a class have no EER; they are left out, and the interval states how many remain. Raises
    RequestError as `conditional_replicates`, for `level` out of range, and when fewer than half of the replicates have
    both classes.
    """
    if not 0 < level < 1:
        raise RequestError(f"confidence level {level!r} is not between 0 and 1; 0.95 is usual.")
    rates = conditional_replicates(bonafide_scores, spoof_scores, systems, replicates=replicates, condition=condition)
    rates = rates[~np.isnan(rates)]
    if rates.size < LEAST_SHARE * replicates:
        place = f" in condition {condition!r}" if condition else ""
        raise RequestError(
            f"only {rates.size} of {replicates} draws of systems{place} have trials of both classes; "
            "take `bootstrap: {unit: utterance}` or speaker."
        )
    lower, upper = np.quantile(rates, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(lower), float(upper), level, int(rates.size))


def conditional_replicates(
    bonafide_scores: ArrayLike,
    spoof_scores: ArrayLike,
    systems: Groups,
    *,
    replicates: int = DEFAULT_REPLICATES,
    condition: str = "",
) -> FloatArray:
    """The EER (replicates,) of each replicate, NaN where it lacks a class.

    Scores are (trials,), and `systems` names the system of each bona fide and of each spoof trial. Positions within a
    system number its bona fide trials in their order, then its spoofs in theirs. Raises RequestError as `eer`, for
    fewer than 2 systems (it would be the bootstrap over trials), and for `replicates` below 1.
    """
    if replicates < 1:
        raise RequestError(
            f"a bootstrap of {replicates!r} replicates gives no interval; {DEFAULT_REPLICATES} is usual."
        )
    points = rejected_counts(bonafide_scores, spoof_scores, condition=condition)
    trials = _binned(points, bonafide_scores, spoof_scores, systems, condition)
    state = np.random.RandomState()  # the published numbers were drawn with this generator
    return np.array([_replicate(trials, state, seed) for seed in range(replicates)])


@dataclass(frozen=True)
class _System:
    """The trials of one system (trials,): `bin` is `_Trials.bins` x class + bin of the score, `threshold` its index.

    Classes are 0 bona fide, 1 spoof; `threshold` indexes `RejectedCounts.thresholds`, offset by their number for
    spoofs.
    """

    bin: NDArray[np.intp]
    threshold: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.bin)


@dataclass(frozen=True)
class _Trials:
    """All systems in the order of their names; each of the `bins` bins spans `width` thresholds."""

    systems: tuple[_System, ...]
    thresholds: int
    width: int
    bins: int


def _binned(points: RejectedCounts, bonafide: ArrayLike, spoof: ArrayLike, systems: Groups, condition: str) -> _Trials:
    classes = []
    for key, scores, names_of_class in zip(("bonafide", "spoof"), (bonafide, spoof), systems, strict=True):
        values, labels = checked_scores(scores, key, condition), np.asarray(names_of_class, dtype=str)
        if values.shape != labels.shape:
            raise RequestError(f"{labels.size} systems for {values.size} {key} scores; each score needs its system.")
        classes.append((np.searchsorted(points.thresholds, values), labels))
    thresholds = points.thresholds.size - 1  # without the last, which lies above all scores
    width = -(-thresholds // BINS)
    bins = -(-thresholds // width)
    threshold = np.concatenate([index + number * thresholds for number, (index, _) in enumerate(classes)])
    binned = np.concatenate([index // width + number * bins for number, (index, _) in enumerate(classes)])
    names, system = np.unique(np.concatenate([labels for _, labels in classes]), return_inverse=True)
    if names.size < 2:
        raise RequestError(
            f"the conditional bootstrap draws systems, and there is one, {str(names[0])!r}; draw its trials instead."
        )
    # positions within a system follow the order of the trials, which a stable sort keeps
    order = np.argsort(system, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(system))[:-1])
    return _Trials(tuple(_System(binned[part], threshold[part]) for part in parts), thresholds, width, bins)


def _replicate(trials: _Trials, state: np.random.RandomState, seed: int) -> float:
    """The EER of the replicate whose draws all begin from `seed`; NaN if it lacks a class."""
    draw = _Draws(state, seed)
    system_counts = np.bincount(draw.positions(len(trials.systems)), minlength=len(trials.systems))
    chosen: list[tuple[int, _System, NDArray[np.intp], NDArray[np.intp]]] = []
    bin_counts = np.zeros(2 * trials.bins, dtype=np.int64)
    for count, system in zip(system_counts, trials.systems, strict=True):
        if count:
            positions = draw.positions(len(system))
            bins = system.bin.take(positions)
            bin_counts += count * np.bincount(bins, minlength=len(bin_counts))
            chosen.append((int(count), system, positions, bins))
    below = _below(bin_counts.reshape(2, -1))
    totals = below[:, -1]
    if not totals.all():
        return float("nan")
    crossing_bin = _last_not_above(below, totals)
    inside = np.zeros((2, trials.width), dtype=np.int64)
    for count, system, positions, bins in chosen:
        for number in range(2):
            positions_in_bin = positions[bins == crossing_bin + number * trials.bins]
            first_threshold = crossing_bin * trials.width + number * trials.thresholds
            inside[number] += count * np.bincount(
                system.threshold[positions_in_bin] - first_threshold, minlength=trials.width
            )
    return _eer(below[:, crossing_bin, None] + _below(inside), totals)


class _Draws:
    """The positions of one replicate: `size` of them below `size`, as `sklearn.utils.resample` draws from its seed.

    The generator takes the lowest bits of successive words and skips values that are too large, so sizes with the same
    number of bits share their words. 2^bits words are enough on average; a margin makes them enough almost always.
    """

    def __init__(self, state: np.random.RandomState, seed: int) -> None:
        self._state, self._seed = state, seed
        self._words: dict[int, NDArray[np.intp]] = {}
        self._positions: dict[int, NDArray[np.intp]] = {}

    def positions(self, size: int) -> NDArray[np.intp]:
        """The first draw after the seed, (size,)."""
        if size not in self._positions:
            bits = (size - 1).bit_length()
            if bits not in self._words:
                self._words[bits] = self._first(1 << bits, (1 << bits) + 8 * (1 << bits // 2) + 64)
            words = self._words[bits]
            kept = np.compress(words < size, words)[:size]
            self._positions[size] = kept if kept.size == size else self._first(size, size)
        return self._positions[size]

    def _first(self, below: int, count: int) -> NDArray[np.intp]:
        self._state.seed(self._seed)
        return self._state.randint(0, below, count)


def _below(counts: IntArray) -> IntArray:
    """The counts below each edge (classes, bins + 1), from the counts in each bin (classes, bins)."""
    return np.concatenate([np.zeros((2, 1), dtype=np.int64), np.cumsum(counts, axis=1)], axis=1)


def _last_not_above(below: IntArray, totals: IntArray) -> int:
    """The last edge at which FRR is not above FAR; it is never the last edge of all."""
    return int(np.searchsorted(frr_minus_far(below[0], below[1], *totals), 0, side="right")) - 1


def _eer(below: IntArray, totals: IntArray) -> float:
    """The EER from the counts below the edges of a bin in which FAR and FRR cross; as `grid.metrics.detection.eer`."""
    excess = frr_minus_far(below[0], below[1], *totals)
    last = _last_not_above(below, totals)
    rate = crossing_rate(below[0, last : last + 1], below[0, last + 1 : last + 2], excess[last], excess[last + 1])
    return float(rate[0] / totals[0])
