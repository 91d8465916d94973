"""Which trials an evaluation holds: the scored utterances by role, pooled and split into conditions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from grid.config.experiment import BootstrapUnit, EvaluationChoice, Split
from grid.corpus.mos import MOS
from grid.corpus.roles import role_of
from grid.errors import RequestError
from grid.metrics.evaluation import Measurement, measure
from grid.metrics.intervals import Groups
from grid.randomness import seed_number
from grid.trials_of_systems import Mask, masks_of_systems


@dataclass(frozen=True)
class Trials:
    """Scored utterances `(trials,)`: of which corpus, who speaks, in which role, through what, and the score."""

    table: pd.DataFrame

    @classmethod
    def of(cls, utterances: pd.DataFrame) -> Trials:
        """From columns utterance_id, corpus, speaker, key, attack, codec, score; source and mos where they are asked.

        Raises RequestError on a repeated utterance.
        """
        if utterances["utterance_id"].duplicated().any():
            twice = utterances.loc[utterances["utterance_id"].duplicated(), "utterance_id"].iloc[0]
            raise RequestError(f"utterance {twice!r} is scored twice")
        columns = zip(utterances["key"], utterances["attack"], utterances["codec"], strict=True)
        return cls(utterances.assign(role=[role_of(*row) for row in columns]).reset_index(drop=True))

    def column(self, name: str) -> NDArray[np.object_]:
        return self.table[name].to_numpy(dtype=object)

    @cached_property
    def mos(self) -> NDArray[np.float64]:
        """The predicted MOS of each trial, NaN where there is none."""
        if MOS not in self.table:
            return np.full(len(self.table), np.nan)
        return self.table[MOS].to_numpy(np.float64)

    @cached_property
    def systems(self) -> NDArray[np.object_]:
        """The system of each trial, for the conditional bootstrap.

        A spoof's system is its attack. That of a recording is the attack that its source ends in, as the recordings of
        CodecFake+ do that stand beside the spoofs of a generator (`codecfake-plus/valle`), or else its whole source.
        """
        attack, source = self.column("attack"), self.column("source")
        attacks = set(attack)
        ends = [text.rpartition("/")[-1] for text in source]
        named = [end if end in attacks else text for end, text in zip(ends, source, strict=True)]
        return np.where(attack == "", np.array(named, dtype=object), attack)


@dataclass(frozen=True)
class Condition:
    """The trials of one condition."""

    name: str
    bonafide: Mask
    spoof: Mask


def conditions(trials: Trials, choice: EvaluationChoice) -> Iterator[Condition]:
    """The pooled condition, then those that `choice.by` asks for.

    - `codec`: the CoRS and the CoSG of one codec; recordings stay. A codec that leaves a class without trials has none.
    - `bonafide-codec`: the bona fide trials of one codec against all spoofs (T-CoRS per NAC of the CDD paper).
    - `spoof-codec`: all bona fide trials against the spoofs of one codec.
    - `attack`: all bona fide trials against one attack (T-CoSG per TTS of the CDD paper).
    - `system`, `qua`, `aux`, `dec`: see `grid.trials_of_systems`.
    """
    role, codec, attack = trials.column("role"), trials.column("codec"), trials.column("attack")
    included = _included(trials, choice)
    bonafide, spoof = np.isin(role, choice.bonafide) & included, np.isin(role, choice.spoof) & included
    yield Condition("pooled", bonafide, spoof)
    for split in choice.by:
        if split == "system" or split == "qua" or split == "aux" or split == "dec":
            for value, *masks in masks_of_systems(split, bonafide, spoof, codec, attack, trials.systems):
                yield Condition(f"{split}={value}", *masks)
            continue
        column = attack if split == "attack" else codec
        for value in _values(split, column, bonafide, spoof):
            condition = Condition(f"{split}={value}", *_restricted(split, bonafide, spoof, column == value, role))
            if split != "codec" or (condition.bonafide.any() and condition.spoof.any()):
                yield condition


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


def _values(split: Split, column: NDArray[np.object_], bonafide: Mask, spoof: Mask) -> list[str]:
    among = {"bonafide-codec": bonafide, "spoof-codec": spoof, "attack": spoof, "codec": bonafide | spoof}[split]
    return sorted(value for value in set(column[among]) if value)


def _restricted(
    split: Split, bonafide: Mask, spoof: Mask, chosen: Mask, role: NDArray[np.object_]
) -> tuple[Mask, Mask]:
    if split == "bonafide-codec":
        return bonafide & chosen, spoof
    if split in ("spoof-codec", "attack"):
        return bonafide, spoof & chosen
    return bonafide & (chosen | (role == "raw")), spoof & chosen


def measure_evaluation(
    trials: Trials, name: str, choice: EvaluationChoice, *, replicates: int, level: float, unit: BootstrapUnit
) -> list[Measurement]:
    """One measurement for each condition. A class without trials is an error that names evaluation and condition."""
    score = trials.table["score"].to_numpy(np.float64)
    return [
        measure(
            name,
            condition.name,
            score[condition.bonafide],
            score[condition.spoof],
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
    return _groups(trials.systems, condition)


def _groups(values: NDArray[np.object_], condition: Condition) -> Groups | None:
    groups = (list(map(str, values[condition.bonafide])), list(map(str, values[condition.spoof])))
    return groups if min(len(set(group)) for group in groups) > 1 else None
