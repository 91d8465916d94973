"""The shortcut conditions of a finished cell: which class is encoded, and what is left without silence, band or level.

They are measured beside the evaluations, on further renditions, and kept in a file beside the scores they come from.
The conditions of encoding are those of arXiv 2604.16700: for each codec bona fide, spoof or both are encoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from grid.cells.job import CellJob
from grid.cells.measurements import scores_digests
from grid.config.experiment import Experiment
from grid.core.derived_file import read_derived, write_derived
from grid.core.identity import digest
from grid.core.randomness import seed_number
from grid.core.record import read_record
from grid.core.store import Store
from grid.core.vocabulary import BONAFIDE, CONTROLS, Control
from grid.experiment.tested_chains import controlled_evaluations, controls, encoding_codecs, uncoded_attacks
from grid.measuring.measure import trials_of
from grid.measuring.trials import Condition, Trials, condition_speakers, conditions
from grid.metrics.calibration import auc, error_rates
from grid.metrics.detection import eer
from grid.metrics.intervals import bootstrap_eer
from grid.resynthesis.rendition import RAW, Chain

SHORTCUT_CONDITIONS_REVISION = 1
"""To be raised by hand when the same scores give other numbers than before."""
Encoded: TypeAlias = Literal["neither", "bona fide", "spoof", "both"]
"""The class that is encoded; with `neither` the codec does not matter, and it is ""."""


@dataclass(frozen=True)
class ConditionNumbers:
    """One detector on the trials of one condition.

    `eer`, its bounds, `auc` and `balanced_accuracy` are fractions; the last is at the threshold of the cell's dev EER,
    None where the cell has no such threshold.
    """

    eer: float
    eer_lower: float
    eer_upper: float
    auc: float
    balanced_accuracy: float | None
    n_bonafide: int
    n_spoof: int


@dataclass(frozen=True)
class EncodingCondition:
    """Recordings against attacks, with one class, both or neither through `codec`."""

    codec: str
    encoded: Encoded
    numbers: ConditionNumbers


@dataclass(frozen=True)
class ControlledCondition:
    """All trials of an evaluation after a control, "" for none."""

    evaluation: str
    control: Control | Literal[""]
    numbers: ConditionNumbers


@dataclass(frozen=True)
class ShortcutConditions:
    """Those of one cell; empty where the experiment does not ask for them, or no corpus has the trials."""

    encoding: tuple[EncodingCondition, ...] = ()
    controlled: tuple[ControlledCondition, ...] = ()


def shortcut_conditions(store: Store, job: CellJob, experiment: Experiment) -> ShortcutConditions:
    """The conditions of a scored cell, read from its file or else computed; a pure function of its scores."""
    path, sources = _path(job, experiment), scores_digests(store, job, probed=True)
    items = read_derived(store, path, sources) if sources is not None else None
    if items is not None:
        return _of_json(items)
    found = _measured(store, job, experiment)
    sources = scores_digests(store, job, probed=True)
    assert sources is not None  # they were just read
    write_derived(store, path, sources, _to_json(found))
    return found


def _path(job: CellJob, experiment: Experiment) -> str:
    request = {
        "revision": SHORTCUT_CONDITIONS_REVISION,
        "encoding": encoding_codecs(experiment),
        "attacks": uncoded_attacks(experiment),
        "controls": controls(experiment),
        "evaluations": {
            name: choice.model_dump(mode="json", exclude_none=True)
            for name, choice in controlled_evaluations(experiment).items()
        },
        "bootstrap": experiment.bootstrap.model_dump(mode="json"),
        "tested": sorted(folder.rsplit("/", 1)[-1] for folder in job.tested),
    }
    return f"{job.folder}/shortcut-conditions-{digest(request, 8)}.json"


def _measured(store: Store, job: CellJob, experiment: Experiment) -> ShortcutConditions:
    trials = trials_of(store, job, job.tested)
    record = read_record(store, job.folder)
    threshold = record.results.get("dev_threshold") if record is not None else None
    return ShortcutConditions(
        encoding=tuple(
            EncodingCondition(codec, encoded, _numbers(trials, condition, experiment, threshold))
            for codec, encoded, condition in _encoding_conditions(trials, experiment)
        ),
        controlled=tuple(
            ControlledCondition(evaluation, control, _numbers(of_control, condition, experiment, threshold))
            for evaluation, control, of_control, condition in _controlled_conditions(trials, experiment)
        ),
    )


def _encoding_conditions(trials: Trials, experiment: Experiment) -> Iterator[tuple[str, Encoded, Condition]]:
    chain, role = trials.column("chain"), trials.role
    attacks = uncoded_attacks(experiment)
    as_they_are = np.isin(chain, [RAW.name, *(Chain(attack=attack).name for attack in attacks)])
    plain_bonafide, plain_spoof = (role == "raw") & as_they_are, (role == "attack") & as_they_are
    for number, codec in enumerate(encoding_codecs(experiment)):
        bonafide = chain == Chain(codec=codec).name
        spoof = np.isin(chain, [Chain(attack=attack, codec=codec).name for attack in attacks])
        pairs: list[tuple[Encoded, Any, Any]] = [
            ("bona fide", bonafide, plain_spoof),
            ("spoof", plain_bonafide, spoof),
            ("both", bonafide, spoof),
        ]
        if number == 0 and plain_bonafide.any() and plain_spoof.any():
            yield "", "neither", Condition("encoding/neither", plain_bonafide, plain_spoof)
        for encoded, of_bonafide, of_spoof in pairs:
            if of_bonafide.any() and of_spoof.any():
                cors_key = None if encoded == "spoof" else BONAFIDE
                yield codec, encoded, Condition(f"encoding/{codec}/{encoded}", of_bonafide, of_spoof, cors_key)


def _controlled_conditions(
    trials: Trials, experiment: Experiment
) -> Iterator[tuple[str, Control | Literal[""], Trials, Condition]]:
    last = np.array([name.rpartition("~")[2] for name in trials.column("chain")], dtype=object)
    plain = ~np.isin(last, CONTROLS)
    asked: tuple[Control | Literal[""], ...] = ("", *controls(experiment))
    for name, choice in controlled_evaluations(experiment).items():
        for control in asked:
            chosen = plain if control == "" else last == control
            of_control = Trials(trials.table[chosen].reset_index(drop=True))
            pooled = next(conditions(of_control, choice))
            yield (
                name,
                control,
                of_control,
                Condition(f"{name}/{control}", pooled.bonafide, pooled.spoof, pooled.cors_key),
            )


def _numbers(trials: Trials, condition: Condition, experiment: Experiment, threshold: float | None) -> ConditionNumbers:
    scores, choice = trials.scores(condition), experiment.bootstrap
    interval = bootstrap_eer(
        *scores,
        replicates=choice.replicates,
        seed=seed_number("bootstrap", "shortcuts", condition.name),
        level=choice.level,
        groups=condition_speakers(trials, condition) if choice.unit == "speaker" else None,
        condition=condition.name,
    )
    rates = None if threshold is None else error_rates(*scores, threshold, condition=condition.name)
    return ConditionNumbers(
        eer=eer(*scores, condition=condition.name).eer,
        eer_lower=interval.lower,
        eer_upper=interval.upper,
        auc=auc(*scores, condition=condition.name),
        balanced_accuracy=None if rates is None else rates.balanced_accuracy,
        n_bonafide=int(condition.bonafide.sum()),
        n_spoof=int(condition.spoof.sum()),
    )


def _to_json(found: ShortcutConditions) -> list[dict[str, Any]]:
    return [*map(asdict, found.encoding), *map(asdict, found.controlled)]


def _of_json(items: list[dict[str, Any]]) -> ShortcutConditions:
    read = [{**item, "numbers": ConditionNumbers(**item["numbers"])} for item in items]
    return ShortcutConditions(
        encoding=tuple(EncodingCondition(**item) for item in read if "codec" in item),
        controlled=tuple(ControlledCondition(**item) for item in read if "control" in item),
    )
