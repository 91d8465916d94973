"""The calibration and DET curves of a finished cell under an experiment's evaluations, kept in a JSON file.

The file lies beside the scores that it is made from, so cells scored earlier are calibrated without training again.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from grid.cells.job import CellJob
from grid.cells.measurements import measurement_path, scores_digests
from grid.config.experiment import Experiment
from grid.core.derived_file import read_derived, write_derived
from grid.core.identity import digest
from grid.core.randomness import seed_number
from grid.core.record import read_record
from grid.core.store import Store
from grid.measuring.measure import scored_trials
from grid.measuring.trials import condition_speakers, conditions
from grid.metrics.calibration import Calibration, calibrate
from grid.metrics.det_curve import DetCurve, det_curve

CALIBRATE_REVISION = 1
"""To be raised by hand when the same scores give other numbers than before."""


@dataclass(frozen=True)
class EvaluationCalibration:
    """The calibration and the DET curve of a cell on all trials of one evaluation."""

    evaluation: str
    calibration: Calibration
    det: DetCurve


def calibration_path(job: CellJob, experiment: Experiment) -> str:
    """The file of a cell's calibration under this experiment's evaluations and bootstrap."""
    return f"{job.folder}/calibration-{digest([CALIBRATE_REVISION, measurement_path(job, experiment)], 8)}.json"


def calibrate_cell(store: Store, job: CellJob, experiment: Experiment) -> list[EvaluationCalibration]:
    """The pooled trials of each evaluation of a scored cell; read from the cell's file or else computed."""
    path, scores = calibration_path(job, experiment), scores_digests(store, job)
    stored = read_derived(store, path, scores) if scores is not None else None
    if stored is not None:
        return [_of_json(item) for item in stored]
    results = _calibrated(store, job, experiment)  # raises where a rendition is not scored
    assert scores is not None
    write_derived(store, path, scores, [_to_json(item) for item in results])
    return results


def _calibrated(store: Store, job: CellJob, experiment: Experiment) -> list[EvaluationCalibration]:
    trials = scored_trials(store, job)
    record = read_record(store, job.folder)
    threshold = record.results.get("dev_threshold") if record is not None else None
    results = []
    for name, choice in experiment.evaluations.items():
        pooled = next(conditions(trials, choice))
        scores = trials.scores(pooled)
        curve = det_curve(
            *scores,
            seed=seed_number("bootstrap", name, pooled.name),
            level=experiment.bootstrap.level,
            groups=condition_speakers(trials, pooled) if experiment.bootstrap.unit == "speaker" else None,
            condition=f"{name}/{pooled.name}",
        )
        found = calibrate(*scores, dev_threshold=threshold, condition=f"{name}/{pooled.name}")
        results.append(EvaluationCalibration(name, found, curve))
    return results


def _to_json(item: EvaluationCalibration) -> dict[str, Any]:
    curve = {name: list(values) for name, values in asdict(item.det).items()}
    return {"evaluation": item.evaluation, "calibration": asdict(item.calibration), "det": curve}


def _of_json(item: dict[str, Any]) -> EvaluationCalibration:
    curve = DetCurve(**{name: tuple(values) for name, values in item["det"].items()})
    return EvaluationCalibration(item["evaluation"], Calibration(**item["calibration"]), curve)
