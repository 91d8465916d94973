"""Owns the step from cells to a difference from the baseline: paired by seed, with what is known of its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from grid.analysis.results import CellResult, GridResults
from grid.metrics.evaluation import Measurement
from grid.report.summary import mean_and_error, summarise, trouble

Measured = Callable[[Measurement], float]


@dataclass(frozen=True)
class TrainingOfGrid:
    """One training of a grid, whatever its seeds."""

    detector: str
    selection: str
    policy: str


@dataclass(frozen=True)
class Paired:
    """One number of a training and its difference from the baseline, both the mean over the seeds that both have.

    `standard_error` is that of the mean difference over several seeds, each paired with the baseline of its seed;
    `lower` and `upper` bound the paired bootstrap interval of a single seed. NaN where there is none. `state` as in
    `grid.report.summary.Summary`, of the training or, when that is done, of its baseline.
    """

    state: str
    mean: float
    difference: float
    lower: float
    upper: float
    standard_error: float
    count: int
    troubles: tuple[str, ...]


def eer(measurement: Measurement) -> float:
    return measurement.eer


def paired(
    results: GridResults, training: TrainingOfGrid, evaluation: str, condition: str, value: Measured = eer
) -> Paired:
    """What `training` has on one condition, beside its baseline."""
    cells = results.select(selection=training.selection, policy=training.policy, detector=training.detector)
    baselines = {cell.seed: cell for cell in results.baseline(training.selection, training.detector)}
    values, differences, paired_cells, troubles = [], [], [], []
    for cell in cells:
        base = baselines.get(cell.seed)
        ours, theirs = (_measured(item, evaluation, condition) for item in (cell, base))
        if ours is not None and theirs is not None:
            values.append(value(ours))
            differences.append(value(ours) - value(theirs))
            paired_cells.append(cell)
        elif base is None:
            troubles.append(f"{training.detector}, seed {cell.seed}: no baseline to compare with")
        troubles += [text for item in (cell, base) if item and (text := trouble(item, evaluation, condition))]
    difference, error = mean_and_error(differences)
    only = paired_cells[0].difference(evaluation, condition) if len(paired_cells) == 1 and value is eer else None
    return Paired(
        state="done" if differences else _state(cells, tuple(baselines.values()), evaluation, condition),
        mean=mean_and_error(values)[0],
        difference=difference,
        lower=only.difference_lower if only else math.nan,
        upper=only.difference_upper if only else math.nan,
        standard_error=error,
        count=len(differences),
        troubles=tuple(dict.fromkeys(troubles)),
    )


def _measured(cell: CellResult | None, evaluation: str, condition: str) -> Measurement | None:
    return cell.measurement(evaluation, condition) if cell is not None and cell.status == "done" else None


def _state(cells: tuple[CellResult, ...], baselines: tuple[CellResult, ...], evaluation: str, condition: str) -> str:
    own = summarise(cells, evaluation, condition).state
    other = summarise(baselines, evaluation, condition).state if own == "done" else own
    return "missing" if other in ("done", "absent") and own != "absent" else other
