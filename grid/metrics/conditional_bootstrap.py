"""Owns the conditional bootstrap of the CodecFake+ paper: systems drawn first, then the trials of those drawn.

The recipe is that of luferrer/ConfidenceIntervals (commit 4e408ca; Ferrer and Riera, 2023; PyPI
`confidence_intervals`), which the paper cites, and its numbers come out the same. Replicate number i begins every draw
from the seed i anew:

1. of the S systems, in the order of their names, draw S with replacement;
2. of each system drawn draw as many trials as it has, with replacement, once; a system drawn twice has each of these
   trials twice, and two systems of one size get the same positions.

So the intervals are wider than those over trials, and have no seed to choose. What the recipe repeats is done once
here: systems of like size share their random words, and the drawn trials are counted instead of sorted, by bins of
the score first and then inside the one bin where FAR and FRR cross.
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
"""Of the scores, in the first count; a replicate's EER is exact whatever their number."""
LEAST_SHARE = 0.5
"""Of the replicates that have both classes; with fewer the interval is of other systems than those asked for."""


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

    Replicates that lack a class have no EER; they are left out, and the interval says how many remain. RequestError:
    as there, `level` out of range, and less than half of the replicates with both classes.
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

    Scores are (trials,), and `systems` names the system of each bona fide and of each spoof trial. A system's trials
    count as its bona fide ones in their order, then its spoofs in theirs. RequestError: as `eer`, fewer than 2 systems
    (it would be the bootstrap over trials), `replicates` below 1.
    """
    if replicates < 1:
        raise RequestError(
            f"a bootstrap of {replicates!r} replicates gives no interval; {DEFAULT_REPLICATES} is usual."
        )
    points = rejected_counts(bonafide_scores, spoof_scores, condition=condition)
    trials = _binned(points, bonafide_scores, spoof_scores, systems, condition)
    state = np.random.RandomState()  # the published numbers are of this generator
    return np.array([_replicate(trials, state, seed) for seed in range(replicates)])


@dataclass(frozen=True)
class _System:
    """The trials of one system (trials,): `bin` is `_Trials.bins` x class + bin of the score, `place` its threshold.

    Classes are 0 bona fide, 1 spoof; `place` counts `RejectedCounts.thresholds`, those of spoofs after all others.
    """

    bin: NDArray[np.intp]
    place: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.bin)


@dataclass(frozen=True)
class _Trials:
    """All systems in the order of their names; `width` thresholds make one of `bins` bins."""

    systems: tuple[_System, ...]
    thresholds: int
    width: int
    bins: int


def _binned(points: RejectedCounts, bonafide: ArrayLike, spoof: ArrayLike, systems: Groups, condition: str) -> _Trials:
    classes = []
    for key, scores, of_each in zip(("bonafide", "spoof"), (bonafide, spoof), systems, strict=True):
        values, labels = checked_scores(scores, key, condition), np.asarray(of_each, dtype=str)
        if values.shape != labels.shape:
            raise RequestError(f"{labels.size} systems for {values.size} {key} scores; each score needs its system.")
        classes.append((np.searchsorted(points.thresholds, values), labels))
    thresholds = points.thresholds.size - 1  # without the last, above all scores
    width = -(-thresholds // BINS)
    bins = -(-thresholds // width)
    place = np.concatenate([found + number * thresholds for number, (found, _) in enumerate(classes)])
    binned = np.concatenate([found // width + number * bins for number, (found, _) in enumerate(classes)])
    names, system = np.unique(np.concatenate([labels for _, labels in classes]), return_inverse=True)
    if names.size < 2:
        raise RequestError(
            f"the conditional bootstrap draws systems, and there is one, {str(names[0])!r}; draw its trials instead."
        )
    # positions in a system follow the order of the trials; a stable sort keeps it
    order = np.argsort(system, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(system))[:-1])
    return _Trials(tuple(_System(binned[part], place[part]) for part in parts), thresholds, width, bins)


def _replicate(trials: _Trials, state: np.random.RandomState, seed: int) -> float:
    """The EER of the replicate that begins every draw from `seed`."""
    draw = _Draws(state, seed)
    times = np.bincount(draw.positions(len(trials.systems)), minlength=len(trials.systems))
    chosen: list[tuple[int, _System, NDArray[np.intp], NDArray[np.intp]]] = []
    counts = np.zeros(2 * trials.bins, dtype=np.int64)
    for often, system in zip(times, trials.systems, strict=True):
        if often:
            positions = draw.positions(len(system))
            bins = system.bin.take(positions)
            counts += often * np.bincount(bins, minlength=len(counts))
            chosen.append((int(often), system, positions, bins))
    below = _below(counts.reshape(2, -1))
    totals = below[:, -1]
    if not totals.all():
        return float("nan")
    found = _last_not_above(below, totals)
    inside = np.zeros((2, trials.width), dtype=np.int64)
    for often, system, positions, bins in chosen:
        for number in range(2):
            here = positions[bins == found + number * trials.bins]
            first = found * trials.width + number * trials.thresholds
            inside[number] += often * np.bincount(system.place[here] - first, minlength=trials.width)
    return _eer(below[:, found, None] + _below(inside), totals)


class _Draws:
    """The positions of one replicate: `size` of them below `size`, as `sklearn.utils.resample` draws from its seed.

    The generator takes the lowest bits of one word after another and skips what is too large, so that sizes of as many
    bits share their words; 2 to the bits of them are enough on average, and some more nearly always.
    """

    def __init__(self, state: np.random.RandomState, seed: int) -> None:
        self._state, self._seed = state, seed
        self._words: dict[int, NDArray[np.intp]] = {}
        self._known: dict[int, NDArray[np.intp]] = {}

    def positions(self, size: int) -> NDArray[np.intp]:
        """(size,), the first draw after the seed."""
        if size not in self._known:
            bits = (size - 1).bit_length()
            if bits not in self._words:
                self._words[bits] = self._first(1 << bits, (1 << bits) + 8 * (1 << bits // 2) + 64)
            words = self._words[bits]
            kept = np.compress(words < size, words)[:size]
            self._known[size] = kept if kept.size == size else self._first(size, size)
        return self._known[size]

    def _first(self, below: int, count: int) -> NDArray[np.intp]:
        self._state.seed(self._seed)
        return self._state.randint(0, below, count)


def _below(counts: IntArray) -> IntArray:
    """From counts (classes, bins) the counts below each edge, (classes, bins + 1)."""
    return np.concatenate([np.zeros((2, 1), dtype=np.int64), np.cumsum(counts, axis=1)], axis=1)


def _last_not_above(below: IntArray, totals: IntArray) -> int:
    """The last edge at which FRR is not above FAR; there is always another after it."""
    return int(np.searchsorted(frr_minus_far(below[0], below[1], *totals), 0, side="right")) - 1


def _eer(below: IntArray, totals: IntArray) -> float:
    """The EER from the counts below the edges of a bin in which FAR and FRR cross; as `grid.metrics.detection.eer`."""
    excess = frr_minus_far(below[0], below[1], *totals)
    last = _last_not_above(below, totals)
    rate = crossing_rate(below[0, last : last + 1], below[0, last + 1 : last + 2], excess[last], excess[last + 1])
    return float(rate[0] / totals[0])
