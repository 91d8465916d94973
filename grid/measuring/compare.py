"""The EER differences of a finished cell from its baseline, kept in a JSON file beside the cell's scores."""

from __future__ import annotations

import dataclasses

from grid.cells.job import CellJob
from grid.cells.measurements import measurement_path, scores_digests
from grid.config.experiment import Experiment
from grid.core.derived_file import read_derived, write_derived
from grid.core.errors import RequestError
from grid.core.identity import digest
from grid.core.randomness import seed_number
from grid.core.store import Store
from grid.measuring.measure import scored_trials
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

    Stored differences are read if they are whole and of the scores that both cells have now; else they are computed,
    or, with `anew=False`, the list is empty. Raises RequestError when the two cells scored different utterances.
    """
    path = difference_path(job, baseline, experiment)
    scores = [scores_digests(store, cell) or {} for cell in (job, baseline)]
    made_from = scores[0] | scores[1]
    stored = read_derived(store, path, made_from)
    if stored is not None:
        return [Difference(**item) for item in stored]
    if not anew:
        return []
    differences = _compared(store, job, baseline, experiment)
    write_derived(store, path, made_from, [dataclasses.asdict(item) for item in differences])
    return differences


def _compared(store: Store, job: CellJob, baseline: CellJob, experiment: Experiment) -> list[Difference]:
    trials, baseline_trials = scored_trials(store, job), scored_trials(store, baseline)
    if list(trials.table["utterance_id"]) != list(baseline_trials.table["utterance_id"]):
        raise RequestError(
            f"cells {job.cell_id} and {baseline.cell_id} scored different utterances; run the grid again"
        )
    unit = experiment.bootstrap.unit
    return [
        compare(
            name,
            condition.name,
            trials.scores(condition),
            baseline_trials.scores(condition),
            seed=seed_number("bootstrap", name, condition.name),
            replicates=experiment.bootstrap.replicates,
            level=experiment.bootstrap.level,
            groups=condition_speakers(trials, condition) if unit == "speaker" else None,
            systems=condition_systems(trials, condition) if unit == "conditional" else None,
        )
        for name, choice in experiment.evaluations.items()
        for condition in conditions(trials, choice)
    ]
