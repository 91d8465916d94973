"""Owns the step from cells to one entry of a table: mean over seeds, what is missing, and how both are written."""

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
    """The EER of one training over its seeds (fractions), and the cells that could not contribute.

    `state` is `done` when any seed did, else the worst of failed, running, missing; `absent` when the grid has no such
    cell. `lower` and `upper` bound the bootstrap interval of a single seed; `standard_error` is that of the mean over
    several seeds. All numbers are NaN where there is none.
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
    measured = [cell.measurement(evaluation, condition) for cell in cells if cell.status == "done"]
    found = [item for item in measured if item is not None]
    troubles = tuple(text for cell in cells if (text := trouble(cell, evaluation, condition)))
    mean, standard_error = mean_and_error([item.eer for item in found])
    single = found[0] if len(found) == 1 else None
    return Summary(
        state=_state(cells) if not found else "done",
        mean=mean,
        lower=single.eer_lower if single else math.nan,
        upper=single.eer_upper if single else math.nan,
        standard_error=standard_error,
        count=len(found),
        troubles=troubles,
    )


def trouble(cell: CellResult, evaluation: str, condition: str) -> str:
    """Why `cell` gives no number there, as a footnote; empty if it does."""
    name = f"{cell.selection}, {cell.policy}, {cell.detector}, seed {cell.seed} (cell {cell.cell_id})"
    if cell.status != "done":
        reason = " ".join(cell.error.split())
        shown = reason if len(reason) <= ERROR_LENGTH else f"{reason[:ERROR_LENGTH]} ..."
        return f"{name}: {cell.status}" + (f": {shown}" if shown else "")
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
    """What is known of the EER's uncertainty, in percent: `± 0.21` over seeds, `[7.90, 8.81]` for one, or nothing."""
    if not math.isnan(summary.standard_error):
        return f"± {percent(summary.standard_error)}"
    if not math.isnan(summary.lower):
        return f"[{percent(summary.lower)}, {percent(summary.upper)}]"
    return ""


class Unfinished(Protocol):
    """What may lack its number: a summary, or a pair of them."""

    @property
    def state(self) -> str: ...
    @property
    def troubles(self) -> tuple[str, ...]: ...


def state_cell(summary: Unfinished, parts: int, footnotes: Footnotes) -> Cell:
    """The cell for a summary without a number: its state in words, never blank, with the reasons as a footnote."""
    word = NOT_IN_GRID if summary.state == "absent" else summary.state
    mark = footnotes.mark("; ".join(summary.troubles)) if summary.troubles else ""
    return Cell(word, (summary.state,) * parts, mark)


def _state(cells: Sequence[CellResult]) -> str:
    for state in ("failed", "running"):
        if any(cell.status == state for cell in cells):
            return state
    return "missing" if cells else "absent"
