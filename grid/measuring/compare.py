"""The EER differences of a finished cell from its baseline, kept in a JSON file beside the cell's scores."""

from __future__ import annotations

import dataclasses

import numpy as np

from grid.cells.job import CellJob
from grid.config.experiment import Experiment
from grid.core.errors import RequestError
from grid.core.identity import digest
from grid.core.randomness import seed_number
from grid.core.store import Store
from grid.measuring.measure import measure_cell, measurement_path, scored_trials
from grid.measuring.trials import condition_speakers, condition_systems, conditions
from grid.metrics.differences import Difference, compare

COMPARE_REVISION = 1


def difference_path(job: CellJob, baseline: CellJob, experiment: Experiment) -> str:
    """The file of a cell's differences from `baseline` under this experiment's evaluations."""
    request = [COMPARE_REVISION, baseline.cell_id, measurement_path(job, experiment)]
    return f"{job.folder}/differences-{digest(request, 8)}.json"


def compare_cell(
    store: Store, job: CellJob, baseline: CellJob, experiment: Experiment, *, anew: bool = True
) -> list[Difference]:
    """The difference of `job` from `baseline` for each of its measurements; both cells must be scored.

    Stored differences are read if they agree with the measurements of both cells; else they are computed, or, with
    `anew=False`, the list is empty. Raises RequestError when the two cells scored different utterances.
    """
    path = difference_path(job, baseline, experiment)
    if store.exists(path):
        stored = [Difference(**item) for item in store.read_json(path)]
        if _current(store, stored, job, baseline, experiment):
            return stored
    if not anew:
        return []
    differences = _compared(store, job, baseline, experiment)
    store.write_json(path, [dataclasses.asdict(item) for item in differences])
    return differences


def _current(store: Store, stored: list[Difference], job: CellJob, baseline: CellJob, experiment: Experiment) -> bool:
    """Whether the stored differences agree with the measurements: neither cell was trained again since."""
    if not all(store.exists(measurement_path(cell, experiment)) for cell in (job, baseline)):
        return False
    own, base = (measure_cell(store, cell, experiment) for cell in (job, baseline))
    expected = [(a.evaluation, a.condition, a.eer - b.eer) for a, b in zip(own, base, strict=False)]
    return [(item.evaluation, item.condition, item.difference) for item in stored] == expected


def _compared(store: Store, job: CellJob, baseline: CellJob, experiment: Experiment) -> list[Difference]:
    trials, baseline_trials = scored_trials(store, job), scored_trials(store, baseline)
    if list(trials.table["utterance_id"]) != list(baseline_trials.table["utterance_id"]):
        raise RequestError(
            f"cells {job.cell_id} and {baseline.cell_id} scored different utterances; run the grid again"
        )
    score, baseline_score = (cell.table["score"].to_numpy(np.float64) for cell in (trials, baseline_trials))
    unit = experiment.bootstrap.unit
    return [
        compare(
            name,
            condition.name,
            (score[condition.bonafide], score[condition.spoof]),
            (baseline_score[condition.bonafide], baseline_score[condition.spoof]),
            seed=seed_number("bootstrap", name, condition.name),
            replicates=experiment.bootstrap.replicates,
            level=experiment.bootstrap.level,
            groups=condition_speakers(trials, condition) if unit == "speaker" else None,
            systems=condition_systems(trials, condition) if unit == "conditional" else None,
        )
        for name, choice in experiment.evaluations.items()
        for condition in conditions(trials, choice)
    ]
