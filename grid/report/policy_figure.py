"""Owns the figure of the policy effect: the pooled EERs of each policy side by side, one panel per detector."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from grid.report.data import BASELINE_POLICY, GridResults
from grid.report.figures import PAPER_WIDTH, paper_style, save_png
from grid.report.policy_table import policy_summary
from grid.report.summary import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, dark to light, each with a shape of its own so that no reader needs the colour
STYLES = (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"), ("#CC79A7", "D"), ("#000000", "v"), ("#E69F00", "P"))
ROW_HEIGHT = 0.30
PANELS_PER_ROW = 2


def draw_policy_figure(results: GridResults, path: Path) -> Path:
    """Writes the PNG: a row per (selection, policy), a mark per evaluation with its interval (or standard error)."""
    from matplotlib.figure import Figure

    rows = list(dict.fromkeys((cell.selection, cell.policy) for cell in results.cells))
    detectors = results.detectors()
    columns = min(PANELS_PER_ROW, len(detectors))
    lines = math.ceil(len(detectors) / columns)
    panel = 0.75 + ROW_HEIGHT * len(rows)
    with paper_style():
        figure = Figure(figsize=(PAPER_WIDTH, 0.35 + panel * lines), layout="constrained")
        panels = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
        for index, axes in enumerate(panels.flat):
            if index < len(detectors):
                _panel(axes, results, detectors[index], rows)
            else:
                axes.set_axis_off()
        handles, labels = panels[0, 0].get_legend_handles_labels()
        if handles:
            figure.legend(handles, labels, loc="outside upper center", ncols=len(handles), frameon=False)
        return save_png(figure, path)


def _panel(axes: Axes, results: GridResults, detector: str, rows: list[tuple[str, str]]) -> None:
    evaluations = results.evaluations()
    step = 0.56 / max(1, len(evaluations))
    for number, evaluation in enumerate(evaluations):
        colour, shape = STYLES[number % len(STYLES)]
        offset = (number - (len(evaluations) - 1) / 2) * step
        found = [
            (y + offset, summary)
            for y, (selection, policy) in enumerate(rows)
            if (summary := policy_summary(results, selection, policy, detector, evaluation)[0]).state == "done"
        ]
        axes.errorbar(
            [100 * summary.mean for _, summary in found],
            [y for y, _ in found],
            xerr=[[100 * bar for bar in bars] for bars in zip(*(_bars(s) for _, s in found), strict=True)] or None,
            fmt=shape,
            color=colour,
            markersize=4.5,
            elinewidth=1.0,
            capsize=2,
            label=evaluation,
        )
    _label_axes(axes, detector, rows)
    _write_states(axes, results, detector, rows)


def _bars(summary: Summary) -> tuple[float, float]:
    """How far the bar reaches to the left and right of the mark, as fractions; nothing where nothing is known."""
    if not math.isnan(summary.standard_error):
        return summary.standard_error, summary.standard_error
    if not math.isnan(summary.lower):
        return max(0.0, summary.mean - summary.lower), max(0.0, summary.upper - summary.mean)
    return 0.0, 0.0


def _label_axes(axes: Axes, detector: str, rows: list[tuple[str, str]]) -> None:
    names = [policy if policy == selection else f"{selection}: {policy}" for selection, policy in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel("pooled EER %")
    axes.set_title(detector, loc="left")
    axes.grid(axis="x", color="#d0d0d0", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.tick_params(axis="x", labelbottom=True)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    for y, (_, policy) in enumerate(rows):
        if policy == BASELINE_POLICY:
            axes.axhspan(y - 0.5, y + 0.5, color="#f0f0f0", zorder=0)


def _write_states(axes: Axes, results: GridResults, detector: str, rows: list[tuple[str, str]]) -> None:
    for y, (selection, policy) in enumerate(rows):
        states = {cell.status for cell in results.select(selection=selection, policy=policy, detector=detector)}
        if states and "done" not in states:
            word = next(state for state in ("failed", "running", "missing") if state in states)
            axes.text(0.02, y, word, transform=axes.get_yaxis_transform(), va="center", style="italic", color="#444444")
