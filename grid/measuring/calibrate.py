"""The calibration, DET curve and score histogram of a finished cell under an experiment's evaluations, kept in a file.

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
from grid.metrics.score_histogram import ScoreHistogram, score_histogram

CALIBRATE_REVISION = 2
"""To be raised by hand when the same scores give other numbers than before."""


@dataclass(frozen=True)
class EvaluationCalibration:
    """The calibration, the DET curve and the score histogram of a cell on all trials of one evaluation."""

    evaluation: str
    calibration: Calibration
    det: DetCurve
    histogram: ScoreHistogram


def calibration_path(job: CellJob, experiment: Experiment) -> str:
    """The file of a cell's calibration under this experiment's evaluations and bootstrap."""
    return f"{job.folder}/calibration-{digest([CALIBRATE_REVISION, measurement_path(job, experiment)], 8)}.json"


def calibrate_cell(store: Store, job: CellJob, experiment: Experiment) -> list[EvaluationCalibration]:
    """The pooled trials of each evaluation of a scored cell; read from the cell's file or else computed."""
    stored = stored_calibration(store, job, experiment)
    if stored is not None:
        return stored
    results = _calibrated(store, job, experiment)  # raises where a rendition is not scored
    scores = scores_digests(store, job)
    assert scores is not None
    write_derived(store, calibration_path(job, experiment), scores, [_to_json(item) for item in results])
    return results


def stored_calibration(store: Store, job: CellJob, experiment: Experiment) -> list[EvaluationCalibration] | None:
    """What the cell's file has; None unless it is whole and of the scores that are there."""
    scores = scores_digests(store, job)
    items = read_derived(store, calibration_path(job, experiment), scores) if scores is not None else None
    return [_of_json(item) for item in items] if items is not None else None


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
        histogram = score_histogram(*scores, condition=f"{name}/{pooled.name}")
        results.append(EvaluationCalibration(name, found, curve, histogram))
    return results


def _to_json(item: EvaluationCalibration) -> dict[str, Any]:
    return {
        "evaluation": item.evaluation,
        "calibration": asdict(item.calibration),
        "det": {name: list(values) for name, values in asdict(item.det).items()},
        "histogram": asdict(item.histogram)
        | {"bonafide": list(item.histogram.bonafide), "spoof": list(item.histogram.spoof)},
    }


def _of_json(item: dict[str, Any]) -> EvaluationCalibration:
    curve = DetCurve(**{name: tuple(values) for name, values in item["det"].items()})
    bins = item["histogram"]
    histogram = ScoreHistogram(bins["lowest"], bins["highest"], tuple(bins["bonafide"]), tuple(bins["spoof"]))
    return EvaluationCalibration(item["evaluation"], Calibration(**item["calibration"]), curve, histogram)
