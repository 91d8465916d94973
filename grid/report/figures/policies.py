"""The figure of a policy table: the EER of each policy as a mark with its interval, T-CoSG beside T-CoRS."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grid.core.vocabulary import NO_CORS
from grid.report.figures.style import PAPER_WIDTH, paper_style, save_png
from grid.report.table import Table
from grid.report.tables.policies import PARTS

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

DUAL_ROLE = ("T-CoSG", "T-CoRS")
"""The dual role of resynthesised speech: a label that helps on the first evaluation may harm on the second (CDD, Xie et
al.)."""
CHANCE = 50.0  # per cent

# Okabe and Ito's colours of different lightness, each with its own shape so that no colour is needed
STYLES = (("#0072B2", "s"), ("#D55E00", "^"), ("#009E73", "D"), ("#CC79A7", "v"), ("#E69F00", "P"), ("#56B4E9", "X"))
BASELINE_STYLE = ("#000000", "o")
MARK_HEIGHT = 0.15
BAND = "#f2f2f2"


@dataclass(frozen=True)
class Mark:
    """An EER in percent with the lengths of its bar to the left and right; or, without an EER, the `state` to show."""

    eer: float = math.nan
    left: float = 0.0
    right: float = 0.0
    state: str = "done"


@dataclass(frozen=True)
class Panel:
    """The marks of one detector on one evaluation, by selection and policy; `lines` are baselines of all rows."""

    rows: dict[str, dict[str, Mark]]
    lines: tuple[Mark, ...]


@dataclass(frozen=True)
class Strip:
    """The panels of one detector side by side, one per evaluation; `rows` are the selections of all of them."""

    detector: str
    rows: tuple[str, ...]
    panels: tuple[Panel, ...]

    @property
    def policies(self) -> tuple[str, ...]:
        """The policies that have marks, in the order of the table."""
        return tuple(dict.fromkeys(name for panel in self.panels for marks in panel.rows.values() for name in marks))

    @property
    def compares(self) -> bool:
        """Whether a training can be compared with a baseline of the same detector."""
        beside = NO_CORS in self.policies and len(self.policies) > 1
        return beside or any(panel.lines for panel in self.panels)


def figure_evaluations(table: Table) -> list[str]:
    """The two evaluations side by side: T-CoSG and T-CoRS if both were measured, else the first two."""
    measured = list(dict.fromkeys(column.name for column in table.columns[2:]))
    return list(DUAL_ROLE) if set(DUAL_ROLE) <= set(measured) else measured[:2]


def figure_strips(table: Table) -> list[Strip]:
    """One strip per detector that has rows; a detector for which the table has dashes only has none."""
    strips = []
    for detector in dict.fromkeys(column.group for column in table.columns[2:]):
        panels = tuple(read_panel(table, detector, evaluation) for evaluation in figure_evaluations(table))
        rows = tuple(dict.fromkeys(name for panel in panels for name in panel.rows))
        if rows:
            strips.append(Strip(detector, rows, panels))
    return strips


def read_panel(table: Table, detector: str, evaluation: str) -> Panel:
    """The marks of one detector on one evaluation, without selections that are not in the grid."""
    places = [(column.group, column.name) for column in table.columns]
    rows: dict[str, dict[str, Mark]] = {}
    for row in table.rows:
        mark = _read_mark(row[places.index((detector, evaluation))].values)
        if mark.state != "absent":
            rows.setdefault(row[0].text, {})[row[1].text] = mark
    # a selection that has only the baseline was trained without any codec: its line is common to all rows
    shared = [name for name, marks in rows.items() if list(marks) == [NO_CORS]]
    if len(shared) == len(rows):
        return Panel(rows, ())
    own = {name: marks for name, marks in rows.items() if name not in shared}
    return Panel(own, tuple(rows[name][NO_CORS] for name in shared))


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


def draw_policy_figure(table: Table, path: Path) -> Path:
    """Writes the PNG of a table of selection x policy: a row per selection, a mark per policy with its interval.

    ValueError: no detector of the table has a row.
    """
    from matplotlib.figure import Figure

    evaluations = figure_evaluations(table)
    strips = figure_strips(table)
    policies = list(dict.fromkeys(row[1].text for row in table.rows))
    step = MARK_HEIGHT * max(2, len(policies)) + 0.08
    heights = [0.62 + step * len(strip.rows) for strip in strips]
    with paper_style():
        figure = Figure(figsize=(PAPER_WIDTH, 0.3 + sum(heights)), layout="constrained")
        places = figure.subplots(
            len(strips), len(evaluations), sharex=True, sharey="row", squeeze=False, height_ratios=heights
        )
        for strip, axes_of_strip in zip(strips, places, strict=True):
            for evaluation, panel, axes in zip(evaluations, strip.panels, axes_of_strip, strict=True):
                _draw_panel(axes, panel, strip, policies)
                axes.set_title(f"{strip.detector}: {evaluation}", loc="left")
        for axes in places[-1]:
            axes.set_xlabel("EER % (further left is better)")
        # a little below zero, so that marks at zero are not cut off
        places[0, 0].set_xlim(left=-1.5, right=max(CHANCE + 2, places[0, 0].get_xlim()[1]))
        figure.legend(handles=_legend(policies), loc="outside upper center", ncols=len(policies), frameon=False)
        return save_png(figure, path)


def _draw_panel(axes: Axes, panel: Panel, strip: Strip, policies: list[str]) -> None:
    for name, marks in panel.rows.items():
        for policy, mark in marks.items():
            place = strip.rows.index(name) + _offset(policy, strip.policies)
            if mark.state == "done":
                _draw_mark(axes, place, mark, *_style(policies, policy), hollow=policy == NO_CORS)
            else:
                _write_state(axes, place, f"{policy}: {mark.state}")
    for mark in panel.lines:
        if mark.state == "done":
            axes.axvspan(mark.eer - mark.left, mark.eer + mark.right, color="#d9d9d9", zorder=0.5)
            axes.axvline(mark.eer, color=BASELINE_STYLE[0], linewidth=0.9, linestyle="--")
    _dress(axes, strip.rows)


def _offset(policy: str, policies: tuple[str, ...]) -> float:
    """The offset of the mark of `policy` from the middle of its row, in rows, downwards."""
    return (policies.index(policy) - (len(policies) - 1) / 2) * 0.8 / len(policies)


def _style(policies: list[str], policy: str) -> tuple[str, str]:
    if policy == NO_CORS:
        return BASELINE_STYLE
    return STYLES[[name for name in policies if name != NO_CORS].index(policy) % len(STYLES)]


def _draw_mark(axes: Axes, y: float, mark: Mark, colour: str, shape: str, *, hollow: bool) -> None:
    axes.errorbar(
        [mark.eer],
        [y],
        xerr=[[mark.left], [mark.right]],
        fmt=shape,
        color=colour,
        markerfacecolor="white" if hollow else colour,
        markersize=5,
        elinewidth=0.9,
        capsize=1.5,
    )


def _write_state(axes: Axes, y: float, words: str) -> None:
    axes.text(0.02, y, words, transform=axes.get_yaxis_transform(), va="center", style="italic", color="#444444")


def _dress(axes: Axes, names: tuple[str, ...]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.axvline(CHANCE, color="#808080", linewidth=0.8, linestyle=":")
    axes.grid(axis="x", color="#d0d0d0", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.tick_params(axis="x", labelbottom=True)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    for y in range(0, len(names), 2):
        axes.axhspan(y - 0.5, y + 0.5, color=BAND, zorder=0)


def _legend(policies: list[str]) -> list[Artist]:
    from matplotlib.lines import Line2D

    handles: list[Artist] = []
    for policy in policies:
        colour, shape = _style(policies, policy)
        hollow = policy == NO_CORS
        words = f"{policy} (no resynthesised speech)" if hollow else f"labelled {policy}"
        face = "white" if hollow else colour
        handles.append(
            Line2D([], [], marker=shape, color=colour, markerfacecolor=face, markersize=5, linewidth=0.9, label=words)
        )
    return handles
