"""Owns the EERs of finished cells on each tested codec: on all trials, and on the same draws of their speakers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid.config.experiment import EvaluationChoice
from grid.errors import RequestError
from grid.metrics.detection import FloatArray, eer
from grid.metrics.effects import SpeakerDraws, draw_speakers, eers_of_draws
from grid.metrics.intervals import Groups
from grid.trials import Condition, Trials, condition_speakers, conditions

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
