"""What a policy of several outputs taught its cells: how classes are confused, and EERs under both labels of CoRS."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from grid.cells.job import CellJob
from grid.cells.status import cell_states
from grid.config.experiment import Experiment
from grid.core.errors import RequestError, one_line
from grid.core.store import Store
from grid.core.vocabulary import KEYS, Key
from grid.experiment.grid import Grid
from grid.measuring.measure import scored_trials
from grid.measuring.trials import Trials, conditions
from grid.metrics.detection import eer
from grid.scoring.class_scores import LOG_POSTERIOR


@dataclass(frozen=True)
class Confusion:
    """How many test utterances of each class are taken for each class by their largest posterior."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """A row for each class that an utterance is of, a column for each that it is taken for."""


@dataclass(frozen=True)
class CellClasses:
    """One finished cell. `eers` are fractions by evaluation, on all its trials, under each label of CoRS."""

    cell_id: str
    selection: str
    policy: str
    detector: str
    seed: int
    confusion: Confusion
    eers: dict[str, dict[Key, float]]


@dataclass(frozen=True)
class ClassResults:
    """Finished cells of policies of several outputs, and the reason, by id, for each that could not be read."""

    cells: tuple[CellClasses, ...] = ()
    missing: dict[str, str] = field(default_factory=dict)


def class_results(store: Store, grid: Grid) -> ClassResults:
    """Those of every finished cell that has classes."""
    cells: list[CellClasses] = []
    missing: dict[str, str] = {}
    with_classes = [job for job in grid.cells if job.classes]
    for job in (state.job for state in cell_states(store, with_classes) if state.status == "done"):
        try:
            cells.append(_of_cell(scored_trials(store, job), job, grid.experiment))
        except (RequestError, OSError) as error:  # damaged scores, or renditions that are not in this store
            missing[job.cell_id] = one_line(error, kind=False)
    return ClassResults(tuple(cells), missing)


def confusion(trials: Trials, job: CellJob) -> Confusion:
    """The confusion of the classes of a cell over all the test utterances that it scored."""
    names = tuple(each.name for each in job.classes)
    posteriors = trials.table[[f"{LOG_POSTERIOR}{name}" for name in names]].to_numpy(np.float64)
    taken_for = posteriors.argmax(axis=1)
    rows = [taken_for[np.isin(trials.role, each.roles)] for each in job.classes]
    return Confusion(names, tuple(tuple(np.bincount(row, minlength=len(names)).tolist()) for row in rows))


def _of_cell(trials: Trials, job: CellJob, experiment: Experiment) -> CellClasses:
    eers: dict[str, dict[Key, float]] = {}
    for name, choice in experiment.evaluations.items():
        pooled = next(conditions(trials, choice))
        under = {key: trials.scores(replace(pooled, cors_key=key)) for key in KEYS}
        eers[name] = {key: eer(*scores, condition=f"{name}, CoRS {key}").eer for key, scores in under.items()}
    return CellClasses(job.cell_id, job.selection, job.policy, job.detector, job.seed, confusion(trials, job), eers)
