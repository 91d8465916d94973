"""Owns the EERs of the trainings of one policy and detector, by the codec trained with or by the tested one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from grid.codec_eers import CodecEers
from grid.metrics.detection import FloatArray
from grid.report.effects import Side
from grid.status import Status

CHANCE = 0.5
Training = tuple[str, int]
"""The codec and the seed of a training."""


@dataclass(frozen=True)
class Exchange:
    """EERs (fractions) on one evaluation: `observed` (codecs, seeds, others), NaN where a training is not done.

    On the side of `training`, `codecs` are those trained with and `others` those tested; on that of `test` the other
    way round. So two rows are always two codecs in one place of a trial, and what stands in the other place is the same
    for both. `resampled` (replicates, codecs, seeds, others) is on drawn speakers, None where none could be drawn;
    `states` are of all trainings.
    """

    evaluation: str
    policy: str
    detector: str
    side: Side
    codecs: tuple[str, ...]
    seeds: tuple[int, ...]
    others: tuple[str, ...]
    observed: FloatArray
    resampled: FloatArray | None
    states: Mapping[Training, Status]

    def rows(self, codecs: Sequence[str]) -> list[int]:
        """The places of `codecs` among its own."""
        return [self.codecs.index(codec) for codec in codecs]

    def from_the_other_side(self) -> Exchange:
        """The same EERs with `codecs` and `others` exchanged."""
        return replace(
            self,
            side="test" if self.side == "training" else "training",
            codecs=self.others,
            others=self.codecs,
            observed=self.observed.transpose(2, 1, 0),
            resampled=None if self.resampled is None else self.resampled.transpose(0, 3, 2, 1),
        )

    def worse_than_chance(self, codecs: Sequence[str]) -> tuple[str, ...]:
        """The others with whom the mean EER of `codecs`, over them and the seeds, is above 50 %."""
        eers = self.observed[self.rows(codecs)]
        surplus = np.where(np.isfinite(eers), eers - CHANCE, 0).sum(axis=(0, 1))
        return tuple(self.others[place] for place in np.flatnonzero(surplus > 0))

    def troubles(self, codecs: Collection[str]) -> tuple[str, ...]:
        """The trainings that are not done: with these codecs or, where those are tested, with others than these."""
        wanted = set(codecs) if self.side == "training" else set(self.others) - set(codecs)
        return tuple(
            f"{codec}, seed {seed}: {state}"
            for (codec, seed), state in self.states.items()
            if codec in wanted and state != "done"
        )


def exchange_of_training(
    view: tuple[str, str, str],
    tested: tuple[str, ...],
    eers: Mapping[Training, CodecEers],
    states: Mapping[Training, Status],
) -> Exchange:
    """From the EERs of the trainings that are done, by tested codec in the order of `tested`.

    `view` is an evaluation, a policy and a detector.
    """
    codecs = tuple(dict.fromkeys(codec for codec, _ in states))
    seeds = tuple(dict.fromkeys(seed for _, seed in states))
    observed = np.full((len(codecs), len(seeds), len(tested)), np.nan)
    drawn = next((found.resampled for found in eers.values() if found.resampled is not None), None)
    resampled = None if drawn is None else np.full((len(drawn), *observed.shape), np.nan)
    for (codec, seed), found in eers.items():
        place = codecs.index(codec), seeds.index(seed)
        observed[place] = found.observed
        if resampled is not None and found.resampled is not None:
            resampled[:, place[0], place[1]] = found.resampled
    return Exchange(*view, "training", codecs, seeds, tested, observed, resampled, states)
