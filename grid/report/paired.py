"""The difference of a training from its baseline, paired by seed, with its standard error or bootstrap interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from grid.analysis.results import CellResult, GridResults
from grid.metrics.evaluation import Measurement
from grid.report.summary import mean_and_error, missing_reason, summarise

MeasuredValue = Callable[[Measurement], float]
"""Takes the number to compare from a measurement."""


@dataclass(frozen=True)
class TrainingOfGrid:
    """One training of a grid without its seed: the cells that agree in these three."""

    detector: str
    selection: str
    policy: str


@dataclass(frozen=True)
class Paired:
    """One number of a training and its difference from the baseline, both means over the seeds that both have.

    `standard_error` is that of the mean difference over several seeds, each paired with the baseline of its seed;
    `lower` and `upper` bound the paired bootstrap interval of a single seed. Numbers that do not exist are NaN. `state`
    is as in `grid.report.summary.Summary`, of the training or, if that is done, of its baseline.
    """

    state: str
    mean: float
    difference: float
    lower: float
    upper: float
    standard_error: float
    count: int
    troubles: tuple[str, ...]


def measured_eer(measurement: Measurement) -> float:
    return measurement.eer


def paired(
    results: GridResults, training: TrainingOfGrid, evaluation: str, condition: str, value: MeasuredValue = measured_eer
) -> Paired:
    """`value` of `training` on one condition, and its difference from the baseline."""
    cells = results.select(selection=training.selection, policy=training.policy, detector=training.detector)
    baselines = {cell.seed: cell for cell in results.baseline(training.selection, training.detector)}
    values, differences, paired_cells, troubles = [], [], [], []
    for cell in cells:
        base = baselines.get(cell.seed)
        own, base_measured = (_measured(item, evaluation, condition) for item in (cell, base))
        if own is not None and base_measured is not None:
            values.append(value(own))
            differences.append(value(own) - value(base_measured))
            paired_cells.append(cell)
        elif base is None:
            troubles.append(f"{training.detector}, seed {cell.seed}: no baseline to compare with")
        troubles += [text for item in (cell, base) if item and (text := missing_reason(item, evaluation, condition))]
    difference, error = mean_and_error(differences)
    single = (
        paired_cells[0].difference(evaluation, condition) if len(paired_cells) == 1 and value is measured_eer else None
    )
    return Paired(
        state="done" if differences else _state(cells, tuple(baselines.values()), evaluation, condition),
        mean=mean_and_error(values)[0],
        difference=difference,
        lower=single.difference_lower if single else math.nan,
        upper=single.difference_upper if single else math.nan,
        standard_error=error,
        count=len(differences),
        troubles=tuple(dict.fromkeys(troubles)),
    )


def _measured(cell: CellResult | None, evaluation: str, condition: str) -> Measurement | None:
    return cell.measurement(evaluation, condition) if cell is not None and cell.status == "done" else None


def _state(cells: tuple[CellResult, ...], baselines: tuple[CellResult, ...], evaluation: str, condition: str) -> str:
    own = summarise(cells, evaluation, condition).state
    of_baseline = summarise(baselines, evaluation, condition).state if own == "done" else own
    return "missing" if of_baseline in ("done", "absent") and own != "absent" else of_baseline
