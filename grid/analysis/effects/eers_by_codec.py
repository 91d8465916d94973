"""The EERs of finished cells on each tested codec: on all trials, and on the same resamples of their speakers."""

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
CHANCE = 0.5
"""The EER of a detector that guesses, as a fraction."""
CodecAndSeed = tuple[str, int]
"""The codec and the seed of a training."""


@dataclass(frozen=True)
class CodecEers:
    """The EERs (fractions) of one cell: `observed` (codecs,), and `resampled` (replicates, codecs) on drawn speakers.

    `resampled` is None where a class has fewer than two speakers, so that none can be drawn.
    """

    observed: FloatArray
    resampled: FloatArray | None


@dataclass(frozen=True)
class TestedCodecs:
    """An evaluation split by codec, common to all cells of a grid: trials, conditions, and the drawn speakers."""

    utterances: NDArray[np.object_]
    conditions: tuple[Condition, ...]
    speakers: NDArray[np.object_]
    draws: SpeakerDraws | None

    @classmethod
    def of(
        cls, trials: Trials, choice: EvaluationChoice, replicates: int, generator: np.random.Generator
    ) -> TestedCodecs:
        """From the trials of any one cell; the draws depend on the speakers and on `generator` alone."""
        pooled, *by_codec = conditions(trials, choice.model_copy(update={"by": ("codec",)}))
        groups, draws = condition_speakers(trials, pooled), None
        if groups is not None:
            draws = draw_speakers(trials.scores(pooled), groups, replicates=replicates, generator=generator)
        return cls(trials.column("utterance_id"), tuple(by_codec), trials.column("speaker"), draws)

    @property
    def codecs(self) -> tuple[str, ...]:
        return tuple(condition.name.removeprefix(CODEC) for condition in self.conditions)

    @property
    def drawn(self) -> int:
        """The number of speakers that are drawn from, 0 if there is nothing to draw."""
        return 0 if self.draws is None else self.draws.names.size

    def eers(self, trials: Trials) -> CodecEers:
        """The EERs of a cell; RequestError when it scored other utterances than the cell of `of`."""
        if not np.array_equal(trials.column("utterance_id"), self.utterances):
            raise RequestError("two cells of the grid scored different utterances; run the grid again")
        scores = [trials.scores(condition) for condition in self.conditions]
        observed = np.array(
            [eer(*pair, condition=condition.name).eer for pair, condition in zip(scores, self.conditions, strict=True)]
        )
        if self.draws is None:
            return CodecEers(observed, None)
        drawn = [
            eers_of_draws(pair, self._groups(condition), self.draws, condition.name)
            for pair, condition in zip(scores, self.conditions, strict=True)
        ]
        return CodecEers(observed, np.stack(drawn, axis=-1))

    def _groups(self, condition: Condition) -> Groups:
        return (
            self.speakers[condition.bonafide].astype(str).tolist(),
            self.speakers[condition.spoof].astype(str).tolist(),
        )


@dataclass(frozen=True)
class Exchange:
    """EERs (fractions) on one evaluation: `observed` (codecs, seeds, others), NaN where a training is not done.

    With `side` training, `codecs` are the training codecs and `others` the tested ones; with `side` test it is the
    reverse. So two rows compare two codecs in the same role, with identical codecs in the other role. `resampled`
    (replicates, codecs, seeds, others) is on drawn speakers, None if none could be drawn; `states` are the statuses of
    all trainings.
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
        """The row indices of `codecs`."""
        return [self.codecs.index(codec) for codec in codecs]

    def other_side(self) -> Exchange:
        """The same EERs with the roles of `codecs` and `others` swapped."""
        return replace(
            self,
            side="test" if self.side == "training" else "training",
            codecs=self.others,
            others=self.codecs,
            observed=self.observed.transpose(2, 1, 0),
            resampled=None if self.resampled is None else self.resampled.transpose(0, 3, 2, 1),
        )

    def worse_than_chance(self, codecs: Sequence[str]) -> tuple[str, ...]:
        """Those of `others` for which the mean EER over `codecs` and seeds is above 50 %."""
        eers = self.observed[self.rows(codecs)]
        surplus = np.where(np.isfinite(eers), eers - CHANCE, 0).sum(axis=(0, 1))
        return tuple(self.others[index] for index in np.flatnonzero(surplus > 0))

    def troubles(self, codecs: Collection[str]) -> tuple[str, ...]:
        """The trainings that are not done: on `codecs` or, with `side` test, on `others` except `codecs`."""
        relevant = set(codecs) if self.side == "training" else set(self.others) - set(codecs)
        return tuple(
            f"{codec}, seed {seed}: {state}"
            for (codec, seed), state in self.states.items()
            if codec in relevant and state != "done"
        )


def exchange_of_training(
    view: tuple[str, str, str],
    tested: tuple[str, ...],
    eers: Mapping[CodecAndSeed, CodecEers],
    states: Mapping[CodecAndSeed, Status],
) -> Exchange:
    """The exchange of training codecs, from the EERs of finished trainings on each tested codec, ordered as `tested`.

    `view` is an evaluation, a policy and a detector.
    """
    codecs = tuple(dict.fromkeys(codec for codec, _ in states))
    seeds = tuple(dict.fromkeys(seed for _, seed in states))
    observed = np.full((len(codecs), len(seeds), len(tested)), np.nan)
    drawn = next((cell_eers.resampled for cell_eers in eers.values() if cell_eers.resampled is not None), None)
    resampled = None if drawn is None else np.full((len(drawn), *observed.shape), np.nan)
    for (codec, seed), cell_eers in eers.items():
        index = codecs.index(codec), seeds.index(seed)
        observed[index] = cell_eers.observed
        if resampled is not None and cell_eers.resampled is not None:
            resampled[:, index[0], index[1]] = cell_eers.resampled
    return Exchange(*view, "training", codecs, seeds, tested, observed, resampled, states)
