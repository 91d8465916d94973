"""Owns the EERs of finished cells on each tested codec: on all trials, and on the same draws of their speakers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from grid.analysis.effects.results import Side
from grid.config.experiment import EvaluationChoice
from grid.core.errors import RequestError
from grid.core.vocabulary import Status
from grid.measuring.trials import Condition, Trials, condition_speakers, conditions
from grid.metrics.crossed_resampling import SpeakerDraws, draw_speakers, eers_of_draws
from grid.metrics.detection import FloatArray, eer
from grid.metrics.intervals import Groups

CODEC = "codec="


@dataclass(frozen=True)
class CodecEers:
    """The EERs (fractions) of one cell: `observed` (codecs,), and `resampled` (replicates, codecs) on drawn speakers.

    `resampled` is None where a class has fewer than two speakers, so that there is nothing to draw.
    """

    observed: FloatArray
    resampled: FloatArray | None


@dataclass(frozen=True)
class TestedCodecs:
    """An evaluation split by codec, the same for every cell of a grid: its trials, and the speakers that were drawn."""

    utterances: NDArray[np.object_]
    conditions: tuple[Condition, ...]
    speakers: NDArray[np.object_]
    draws: SpeakerDraws | None

    @classmethod
    def of(
        cls, trials: Trials, choice: EvaluationChoice, replicates: int, generator: np.random.Generator
    ) -> TestedCodecs:
        """From the trials of any of the cells; the draws depend on the speakers and on `generator` alone."""
        pooled, *split = conditions(trials, choice.model_copy(update={"by": ("codec",)}))
        groups, draws = condition_speakers(trials, pooled), None
        if groups is not None:
            draws = draw_speakers(_scores(trials, pooled), groups, replicates=replicates, generator=generator)
        return cls(trials.column("utterance_id"), tuple(split), trials.column("speaker"), draws)

    @property
    def codecs(self) -> tuple[str, ...]:
        return tuple(condition.name.removeprefix(CODEC) for condition in self.conditions)

    @property
    def drawn(self) -> int:
        """The number of speakers that are drawn."""
        return 0 if self.draws is None else self.draws.names.size

    def eers(self, trials: Trials) -> CodecEers:
        """The EERs of a cell; RequestError when it scored other utterances than the cell that these trials are of."""
        if not np.array_equal(trials.column("utterance_id"), self.utterances):
            raise RequestError("two cells of the grid scored different utterances; run the grid again")
        scores = [_scores(trials, condition) for condition in self.conditions]
        observed = np.array(
            [eer(*pair, condition=each.name).eer for pair, each in zip(scores, self.conditions, strict=True)]
        )
        if self.draws is None:
            return CodecEers(observed, None)
        drawn = [
            eers_of_draws(pair, self._groups(each), self.draws, each.name)
            for pair, each in zip(scores, self.conditions, strict=True)
        ]
        return CodecEers(observed, np.stack(drawn, axis=-1))

    def _groups(self, condition: Condition) -> Groups:
        return (
            self.speakers[condition.bonafide].astype(str).tolist(),
            self.speakers[condition.spoof].astype(str).tolist(),
        )


def _scores(trials: Trials, condition: Condition) -> tuple[FloatArray, FloatArray]:
    score: FloatArray = trials.table["score"].to_numpy(np.float64)
    return score[condition.bonafide], score[condition.spoof]


CHANCE = 0.5
CodecAndSeed = tuple[str, int]
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
    states: Mapping[CodecAndSeed, Status]

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
    eers: Mapping[CodecAndSeed, CodecEers],
    states: Mapping[CodecAndSeed, Status],
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
