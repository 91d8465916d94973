"""The figure of predicted MOS by system (CodecFake+, Figure 5)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from grid.analysis.mos import BONAFIDE_SYSTEM, SystemMos
from grid.report.figures.style import PAPER_WIDTH, paper_style, save_png, text_width
from grid.report.page import Figure
from grid.report.tables.mos import BONAFIDE_NAME, NAME, TITLE

FIGURE = "The dot is the median, the bar the middle half, the band that of bona fide speech; dotted: {threshold:g}."
ROW_HEIGHT = 0.2


def mos_figure(systems: Sequence[SystemMos], threshold: float) -> Figure:
    """The figure as a part of a page."""
    return Figure(NAME, TITLE, FIGURE.format(threshold=threshold), partial(draw_mos, systems, threshold))


def draw_mos(systems: Sequence[SystemMos], threshold: float, path: Path) -> Path:
    """Writes the PNG: one line per system, from the best median down."""
    from matplotlib.figure import Figure as Canvas

    names = [item.system or BONAFIDE_NAME for item in systems]
    with paper_style():
        left, height = 0.15 + text_width(names), ROW_HEIGHT * len(names)
        width, total = PAPER_WIDTH / 2, height + 0.55
        figure = Canvas(figsize=(width, total))
        axes = figure.add_axes((left / width, 0.45 / total, 1 - (left + 0.1) / width, height / total))
        for item in systems:
            if item.system == BONAFIDE_SYSTEM:
                axes.axvspan(item.lower, item.upper, color="0.88", zorder=0)
        axes.axvline(threshold, color="black", linestyle=":", linewidth=0.8)
        rows = range(len(systems))
        axes.hlines(
            rows, [item.lower for item in systems], [item.upper for item in systems], color="black", linewidth=1.2
        )
        faces = ["white" if item.system == BONAFIDE_SYSTEM else "black" for item in systems]
        axes.scatter([item.median for item in systems], rows, s=22, c=faces, edgecolors="black", zorder=3)
        axes.set_yticks(rows, names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlim(1, 5)
        axes.set_xlabel("predicted MOS")
        return save_png(figure, path)
