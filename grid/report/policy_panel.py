"""Owns what a figure reads from a table of policies: per detector and evaluation, a mark for each training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from grid.baseline import BASELINE_POLICY
from grid.report.policy_table import PARTS
from grid.report.table import Table

DUAL_ROLE = ("T-CoSG", "T-CoRS")
"""Resynthesised speech plays both roles: what helps on the first may harm on the second (Xie et al., CDD)."""


@dataclass(frozen=True)
class Mark:
    """An EER in percent and how far its bar reaches to the left and right; without an EER, the `state` in its place."""

    eer: float = math.nan
    left: float = 0.0
    right: float = 0.0
    state: str = "done"


@dataclass(frozen=True)
class Panel:
    """The marks of one detector on one evaluation, by selection and policy; those of `lines` hold for every row."""

    rows: dict[str, dict[str, Mark]]
    lines: tuple[Mark, ...]


@dataclass(frozen=True)
class Strip:
    """The panels of one detector side by side, one for each evaluation; `rows` are those of all of them."""

    detector: str
    rows: tuple[str, ...]
    panels: tuple[Panel, ...]

    @property
    def policies(self) -> tuple[str, ...]:
        """The policies that have marks, in the order of the table."""
        return tuple(dict.fromkeys(name for panel in self.panels for marks in panel.rows.values() for name in marks))

    @property
    def compares(self) -> bool:
        """Whether a training stands beside a baseline of the same detector."""
        beside = BASELINE_POLICY in self.policies and len(self.policies) > 1
        return beside or any(panel.lines for panel in self.panels)


def figure_evaluations(table: Table) -> list[str]:
    """The two evaluations set side by side: T-CoSG and T-CoRS where both were measured, else the first two."""
    measured = list(dict.fromkeys(column.name for column in table.columns[2:]))
    return list(DUAL_ROLE) if set(DUAL_ROLE) <= set(measured) else measured[:2]


def figure_strips(table: Table) -> list[Strip]:
    """A strip for each detector that has rows; a detector of which the table has nothing but dashes has none."""
    strips = []
    for detector in dict.fromkeys(column.group for column in table.columns[2:]):
        panels = tuple(read_panel(table, detector, evaluation) for evaluation in figure_evaluations(table))
        rows = tuple(dict.fromkeys(name for panel in panels for name in panel.rows))
        if rows:
            strips.append(Strip(detector, rows, panels))
    return strips


def read_panel(table: Table, detector: str, evaluation: str) -> Panel:
    """What the table says of one detector on one evaluation, without the selections that the grid leaves out."""
    places = [(column.group, column.name) for column in table.columns]
    rows: dict[str, dict[str, Mark]] = {}
    for row in table.rows:
        mark = _read_mark(row[places.index((detector, evaluation))].values)
        if mark.state != "absent":
            rows.setdefault(row[0].text, {})[row[1].text] = mark
    # a baseline that no selection has to itself was trained without any codec: it belongs to all rows
    shared = [name for name, marks in rows.items() if list(marks) == [BASELINE_POLICY]]
    if len(shared) == len(rows):
        return Panel(rows, ())
    own = {name: marks for name, marks in rows.items() if name not in shared}
    return Panel(own, tuple(rows[name][BASELINE_POLICY] for name in shared))


def _read_mark(values: Sequence[str | int | float]) -> Mark:
    parts = dict(zip(PARTS, values, strict=True))
    if isinstance(parts["eer"], str):
        return Mark(state=parts["eer"])
    eer, lower, upper, error = (100 * float(parts[name]) for name in ("eer", "lower", "upper", "standard_error"))
    if not math.isnan(error):
        return Mark(eer, error, error)
    if not math.isnan(lower):
        return Mark(eer, max(0.0, eer - lower), max(0.0, upper - eer))
    return Mark(eer)
