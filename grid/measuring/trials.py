"""The trials of an evaluation: scored utterances by role, pooled and split into conditions, and their measurements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from grid.config.analyses import BootstrapUnit
from grid.config.experiment import EvaluationChoice
from grid.core.errors import RequestError
from grid.core.randomness import seed_number
from grid.core.vocabulary import BONAFIDE, POOLED, SPOOF, Key
from grid.corpus.holdings import role_of
from grid.corpus.ratings import MOS
from grid.experiment.breakdowns import BREAKDOWNS, Mask
from grid.metrics.evaluation import Measurement, measure
from grid.metrics.intervals import Groups
from grid.scoring.class_scores import score_column


@dataclass(frozen=True)
class Trials:
    """Scored utterances, one row of `table` each: corpus, speaker, role, attack, codec and score."""

    table: pd.DataFrame

    @classmethod
    def of(cls, utterances: pd.DataFrame) -> Trials:
        """From columns utterance_id, corpus, speaker, key, attack, codec, score; source and mos where they are needed.

        Raises RequestError for a repeated utterance.
        """
        if utterances["utterance_id"].duplicated().any():
            repeated = utterances.loc[utterances["utterance_id"].duplicated(), "utterance_id"].iloc[0]
            raise RequestError(f"utterance {repeated!r} is scored twice")
        columns = zip(utterances["key"], utterances["attack"], utterances["codec"], strict=True)
        return cls(utterances.assign(role=[role_of(*row) for row in columns]).reset_index(drop=True))

    def column(self, name: str) -> NDArray[np.object_]:
        return self.table[name].to_numpy(dtype=object)

    def scores(self, condition: Condition) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The scores of the bona fide and of the spoof trials of a condition.

        With a policy of several outputs they are those under the condition's label of CoRS, or, where it holds no CoRS,
        under the label that CoRS had on dev.
        """
        column = "score" if condition.cors_key is None else score_column(condition.cors_key)
        values = self.table[column if column in self.table else "score"].to_numpy(np.float64)
        return values[condition.bonafide], values[condition.spoof]

    @cached_property
    def mos(self) -> NDArray[np.float64]:
        """The predicted MOS of each trial, NaN where there is none."""
        if MOS not in self.table:
            return np.full(len(self.table), np.nan)
        return self.table[MOS].to_numpy(np.float64)

    @cached_property
    def role(self) -> NDArray[np.object_]:
        return self.column("role")

    @cached_property
    def codec(self) -> NDArray[np.object_]:
        return self.column("codec")

    @cached_property
    def attack(self) -> NDArray[np.object_]:
        return self.column("attack")

    @cached_property
    def system(self) -> NDArray[np.object_]:
        """The system of each trial, for the conditional bootstrap.

        A spoof's system is its attack. A recording's is the attack named by the last part of its source, as in
        CodecFake+ for the recordings that belong to a generator (`codecfake-plus/valle`), or else its whole source.
        """
        attack, source = self.attack, self.column("source")
        attacks = set(attack)
        last_parts = [text.rpartition("/")[-1] for text in source]
        recording_systems = [last if last in attacks else text for last, text in zip(last_parts, source, strict=True)]
        return np.where(attack == "", np.array(recording_systems, dtype=object), attack)


@dataclass(frozen=True)
class Condition:
    """The trials of one condition, as masks (trials,) of the two classes; `cors_key` is the label of its CoRS."""

    name: str
    bonafide: Mask
    spoof: Mask
    cors_key: Key | None = None


def conditions(trials: Trials, choice: EvaluationChoice) -> Iterator[Condition]:
    """The pooled condition, then those that `choice.by` asks for: see `grid.experiment.breakdowns`."""
    included = _included(trials, choice)
    bonafide = np.isin(trials.role, choice.bonafide) & included
    spoof = np.isin(trials.role, choice.spoof) & included
    cors_key = BONAFIDE if "cors" in choice.bonafide else SPOOF if "cors" in choice.spoof else None
    yield Condition(POOLED, bonafide, spoof, cors_key)
    for breakdown in choice.by:
        for value, of_bonafide, of_spoof in BREAKDOWNS[breakdown].conditions(trials, bonafide, spoof):
            yield Condition(f"{breakdown}={value}", of_bonafide, of_spoof, cors_key)


def _included(trials: Trials, choice: EvaluationChoice) -> Mask:
    """The trials of the corpora and of the quality that the evaluation is restricted to."""
    included = np.ones(len(trials.table), np.bool_)
    if choice.corpora is not None:
        included &= np.isin(trials.column("corpus"), choice.corpora)
    if choice.mos_above is not None:
        predicted = trials.mos
        if np.isnan(predicted[included]).all():
            names = ", ".join(sorted(set(map(str, trials.column("corpus")[included]))))
            raise RequestError(
                f"an evaluation asks for a predicted MOS above {choice.mos_above:g}, and corpus {names} has none; fill "
                "it with `codecgrid mos`, or leave out `mos_above`"
            )
        included &= predicted > choice.mos_above
    return included


def measure_evaluation(
    trials: Trials, name: str, choice: EvaluationChoice, *, replicates: int, level: float, unit: BootstrapUnit
) -> list[Measurement]:
    """One measurement per condition. RequestError, naming evaluation and condition, for a class without trials."""
    return [
        measure(
            name,
            condition.name,
            *trials.scores(condition),
            seed=seed_number("bootstrap", name, condition.name),
            replicates=replicates,
            level=level,
            groups=condition_speakers(trials, condition) if unit == "speaker" else None,
            systems=condition_systems(trials, condition) if unit == "conditional" else None,
        )
        for condition in conditions(trials, choice)
    ]


def condition_speakers(trials: Trials, condition: Condition) -> Groups | None:
    """The speakers of both classes, for a bootstrap over speakers; None (over trials) where a class has only one."""
    return _groups(trials.column("speaker"), condition)


def condition_systems(trials: Trials, condition: Condition) -> Groups | None:
    """The systems of both classes, for the conditional bootstrap; None (over trials) where a class has only one."""
    return _groups(trials.system, condition)


def _groups(values: NDArray[np.object_], condition: Condition) -> Groups | None:
    groups = (list(map(str, values[condition.bonafide])), list(map(str, values[condition.spoof])))
    return groups if min(len(set(group)) for group in groups) > 1 else None
