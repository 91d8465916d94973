"""One entry of a table from the cells of a training: the mean over seeds, the missing cells, and their notation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from grid.analysis.results import CellResult
from grid.report.table import Cell, Footnotes

NOT_IN_GRID = "-"
ERROR_LENGTH = 200


@dataclass(frozen=True)
class Summary:
    """The EER of one training over its seeds (fractions), and the cells without a number.

    `state` is `done` if any seed is, else the first of failed, running, missing that occurs; `absent` if the grid has
    no such cell. `lower` and `upper` bound the bootstrap interval of a single seed; `standard_error` is that of the
    mean over several seeds. Numbers that do not exist are NaN. `troubles` are footnotes, one for each cell without a
    number.
    """

    state: str
    mean: float
    lower: float
    upper: float
    standard_error: float
    count: int
    troubles: tuple[str, ...]


def summarise(cells: Sequence[CellResult], evaluation: str, condition: str) -> Summary:
    """The summary over `cells`, which differ only in seed, on one condition of one evaluation."""
    of_cells = [cell.measurement(evaluation, condition) for cell in cells if cell.status == "done"]
    measurements = [item for item in of_cells if item is not None]
    troubles = tuple(text for cell in cells if (text := missing_reason(cell, evaluation, condition)))
    mean, standard_error = mean_and_error([item.eer for item in measurements])
    only = measurements[0] if len(measurements) == 1 else None
    return Summary(
        state=_state(cells) if not measurements else "done",
        mean=mean,
        lower=only.eer_lower if only else math.nan,
        upper=only.eer_upper if only else math.nan,
        standard_error=standard_error,
        count=len(measurements),
        troubles=troubles,
    )


def missing_reason(cell: CellResult, evaluation: str, condition: str) -> str:
    """Why `cell` has no number on this condition, as the text of a footnote; "" if it has one."""
    name = f"{cell.selection}, {cell.policy}, {cell.detector}, seed {cell.seed} (cell {cell.cell_id})"
    if cell.status != "done":
        reason = " ".join(cell.error.split())
        shortened = reason if len(reason) <= ERROR_LENGTH else f"{reason[:ERROR_LENGTH]} ..."
        return f"{name}: {cell.status}" + (f": {shortened}" if shortened else "")
    if cell.measurement(evaluation, condition) is None:
        return f"{name}: done, but {evaluation} has no {condition} measurement"
    return ""


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """The mean, and its standard error s / sqrt(n) with s the sample deviation; NaN without values, or with one."""
    if not values:
        return math.nan, math.nan
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return mean, math.nan
    variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return mean, math.sqrt(variance / len(values))


def percent(fraction: float) -> str:
    """A fraction as percent with two decimals."""
    return f"{100 * fraction:.2f}"


def points(fraction: float) -> str:
    """A difference of fractions as signed percentage points with two decimals; no negative zero."""
    return f"{round(100 * fraction, 2) + 0.0:+.2f}"


def uncertainty(summary: Summary) -> str:
    """The uncertainty of the EER in percent: `± 0.21` over several seeds, `[7.90, 8.81]` for a single one, else ""."""
    if not math.isnan(summary.standard_error):
        return f"± {percent(summary.standard_error)}"
    if not math.isnan(summary.lower):
        return f"[{percent(summary.lower)}, {percent(summary.upper)}]"
    return ""


class Unfinished(Protocol):
    """A result that may have no number: a `Summary`, or a difference of two."""

    @property
    def state(self) -> str: ...
    @property
    def troubles(self) -> tuple[str, ...]: ...


def state_cell(summary: Unfinished, parts: int, footnotes: Footnotes) -> Cell:
    """The table cell for a result without a number: its state in words, never blank, with the reasons as a footnote."""
    word = NOT_IN_GRID if summary.state == "absent" else summary.state
    mark = footnotes.mark("; ".join(summary.troubles)) if summary.troubles else ""
    return Cell(word, (summary.state,) * parts, mark)


def _state(cells: Sequence[CellResult]) -> str:
    """The state of cells of which none has a number."""
    for state in ("failed", "running"):
        if any(cell.status == state for cell in cells):
            return state
    return "missing" if cells else "absent"
