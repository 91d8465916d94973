"""Owns the figure of the policy effect: per detector, T-CoSG beside T-CoRS, with a mark for every policy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grid.report.data import BASELINE_POLICY, POOLED, GridResults
from grid.report.figures import PAPER_WIDTH, paper_style, save_png
from grid.report.policy_table import policy_summary
from grid.report.summary import Summary, summarise

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

DUAL_ROLE = ("T-CoSG", "T-CoRS")
"""Resynthesised speech plays both roles: what helps on the first may harm on the second (Xie et al., CDD)."""
CHANCE = 50.0
# Okabe and Ito's colours of unlike lightness, each with a shape of its own so that no reader needs the colour
STYLES = (("#0072B2", "s"), ("#D55E00", "^"), ("#009E73", "D"), ("#CC79A7", "v"), ("#E69F00", "P"), ("#56B4E9", "X"))
BASELINE_STYLE = ("#000000", "o")
MARK_HEIGHT = 0.15
BAND = "#f2f2f2"


@dataclass(frozen=True)
class Rows:
    """The rows of one detector's panels, from top to bottom, and the trainings that belong to no codec."""

    detector: str
    selections: tuple[str, ...]
    without_codec: tuple[str, ...]


def figure_evaluations(results: GridResults) -> list[str]:
    """The two evaluations set side by side: T-CoSG and T-CoRS where both were measured, else the first two."""
    measured = results.evaluations()
    return list(DUAL_ROLE) if set(DUAL_ROLE) <= set(measured) else measured[:2]


def draw_policy_figure(results: GridResults, path: Path) -> Path:
    """Writes the PNG: a row per selection, a mark per policy with its interval (or standard error)."""
    from matplotlib.figure import Figure

    evaluations, policies = figure_evaluations(results), results.policies()
    rows = [_rows(results, detector) for detector in results.detectors()]
    step = MARK_HEIGHT * max(2, len(policies)) + 0.08
    heights = [0.62 + step * len(row.selections) for row in rows]
    with paper_style():
        figure = Figure(figsize=(PAPER_WIDTH, 0.3 + sum(heights)), layout="constrained")
        panels = figure.subplots(
            len(rows), len(evaluations), sharex=True, sharey="row", squeeze=False, height_ratios=heights
        )
        for line, row in zip(panels, rows, strict=True):
            for axes, evaluation in zip(line, evaluations, strict=True):
                _draw_panel(axes, results, row, evaluation)
                axes.set_title(f"{row.detector}: {evaluation}", loc="left")
        for axes in panels[-1]:
            axes.set_xlabel("pooled EER % (further left is better)")
        panels[0, 0].set_xlim(left=0, right=max(CHANCE + 2, panels[0, 0].get_xlim()[1]))
        figure.legend(handles=_legend(policies), loc="outside upper center", ncols=len(policies), frameon=False)
        return save_png(figure, path)


def _rows(results: GridResults, detector: str) -> Rows:
    cells = results.select(detector=detector)
    names = list(dict.fromkeys(cell.selection for cell in cells))
    without = [name for name in names if not any(cell.codecs for cell in cells if cell.selection == name)]
    shown = [name for name in names if name not in without]
    return Rows(detector, tuple(shown or without), tuple(without if shown else ()))


def _draw_panel(axes: Axes, results: GridResults, rows: Rows, evaluation: str) -> None:
    policies = results.policies()
    for y, selection in enumerate(rows.selections):
        for number, policy in enumerate(policies):
            place = y + (number - (len(policies) - 1) / 2) * 0.8 / len(policies)
            summary, _ = policy_summary(results, selection, policy, rows.detector, evaluation)
            if summary.state == "done":
                _draw_mark(axes, place, summary, *_style(policies, policy), hollow=policy == BASELINE_POLICY)
            elif summary.state != "absent":
                _write_state(axes, place, f"{policy}: {summary.state}")
    for selection in rows.without_codec:
        cells = results.select(selection=selection, detector=rows.detector)
        _draw_line(axes, summarise(cells, evaluation, POOLED))
    _dress(axes, rows)


def _style(policies: list[str], policy: str) -> tuple[str, str]:
    if policy == BASELINE_POLICY:
        return BASELINE_STYLE
    return STYLES[[name for name in policies if name != BASELINE_POLICY].index(policy) % len(STYLES)]


def _draw_mark(axes: Axes, y: float, summary: Summary, colour: str, shape: str, *, hollow: bool) -> None:
    left, right = _reach(summary)
    axes.errorbar(
        [100 * summary.mean],
        [y],
        xerr=[[100 * left], [100 * right]],
        fmt=shape,
        color=colour,
        markerfacecolor="white" if hollow else colour,
        markersize=5,
        elinewidth=0.9,
        capsize=1.5,
    )


def _draw_line(axes: Axes, summary: Summary) -> None:
    """The training without any codec is the same for every row: a line through them all."""
    if summary.state == "done":
        left, right = _reach(summary)
        axes.axvspan(100 * (summary.mean - left), 100 * (summary.mean + right), color="#d9d9d9", zorder=0.5)
        axes.axvline(100 * summary.mean, color=BASELINE_STYLE[0], linewidth=0.9, linestyle="--")


def _write_state(axes: Axes, y: float, words: str) -> None:
    axes.text(0.02, y, words, transform=axes.get_yaxis_transform(), va="center", style="italic", color="#444444")


def _reach(summary: Summary) -> tuple[float, float]:
    """How far the bar reaches to the left and right of the mark, as fractions; nothing where nothing is known."""
    if not math.isnan(summary.standard_error):
        return summary.standard_error, summary.standard_error
    if not math.isnan(summary.lower):
        return max(0.0, summary.mean - summary.lower), max(0.0, summary.upper - summary.mean)
    return 0.0, 0.0


def _dress(axes: Axes, rows: Rows) -> None:
    axes.set_yticks(range(len(rows.selections)), rows.selections)
    axes.set_ylim(len(rows.selections) - 0.5, -0.5)
    axes.axvline(CHANCE, color="#808080", linewidth=0.8, linestyle=":")
    axes.grid(axis="x", color="#d0d0d0", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.tick_params(axis="x", labelbottom=True)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    for y in range(0, len(rows.selections), 2):
        axes.axhspan(y - 0.5, y + 0.5, color=BAND, zorder=0)


def _legend(policies: list[str]) -> list[Artist]:
    from matplotlib.lines import Line2D

    handles: list[Artist] = []
    for policy in policies:
        colour, shape = _style(policies, policy)
        hollow = policy == BASELINE_POLICY
        words = f"{policy} (no resynthesised speech)" if hollow else f"labelled {policy}"
        face = "white" if hollow else colour
        handles.append(
            Line2D([], [], marker=shape, color=colour, markerfacecolor=face, markersize=5, linewidth=0.9, label=words)
        )
    return handles
