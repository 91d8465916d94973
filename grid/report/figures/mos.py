"""The figure of predicted MOS by system, and the panels of middle halves that it is drawn with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from grid.analysis.mos import BONAFIDE_SYSTEM, MosResults, SystemMos
from grid.report.figures.style import PAPER_WIDTH, paper_style, save_png, text_width
from grid.report.page import Figure
from grid.report.tables.mos import BONAFIDE_NAME, NAME, TITLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FIGURE = "The dot is the median, the bar the middle half, the band that of bona fide speech; dotted: {threshold:g}."
ROW_HEIGHT, BELOW, ABOVE, RIGHT = 0.2, 0.45, 0.3, 0.1
"""In inches: the height of a row, and the room below, above and right of a panel."""


@dataclass(frozen=True)
class MosRow:
    """A row of a panel: a bar over the middle half of `speech`, and its marks.

    `centre` is a dot, filled, or open for bona fide speech; `beside` an open dot (of the recordings to compare with),
    `paper` a cross. NaN is no mark.
    """

    name: str
    speech: SystemMos
    centre: float
    beside: float = math.nan
    paper: float = math.nan

    @property
    def is_bonafide(self) -> bool:
        return self.speech.system == BONAFIDE_SYSTEM


@dataclass(frozen=True)
class MosPanel:
    """Rows from the top down, under a title; the middle half of the bona fide row, if there is one, is a band."""

    title: str
    rows: tuple[MosRow, ...]


def mos_figure(mos: MosResults) -> Figure:
    """The figure as a part of a page: recordings, then the systems from the best median down."""
    rows = tuple(MosRow(item.system or BONAFIDE_NAME, item, item.median) for item in mos.systems)
    draw = partial(draw_mos, [MosPanel("", rows)], mos.threshold)
    return Figure(NAME, TITLE, FIGURE.format(threshold=mos.threshold), draw)


def draw_mos(panels: Sequence[MosPanel], threshold: float, path: Path) -> Path:
    """Writes the PNG: the panels side by side, half of the paper's width each, aligned at their top."""
    from matplotlib.figure import Figure as Canvas

    across = PAPER_WIDTH / 2
    with paper_style():
        above = ABOVE if any(panel.title for panel in panels) else RIGHT
        tallest = ROW_HEIGHT * max(len(panel.rows) for panel in panels)
        width, total = across * len(panels), BELOW + tallest + above
        figure = Canvas(figsize=(width, total))
        for number, panel in enumerate(panels):
            left, height = 0.15 + text_width(row.name for row in panel.rows), ROW_HEIGHT * len(panel.rows)
            x, y, wide = number * across + left, BELOW + tallest - height, across - left - RIGHT
            axes = figure.add_axes((x / width, y / total, wide / width, height / total))
            _draw_panel(axes, panel, threshold)
        return save_png(figure, path)


def _draw_panel(axes: Axes, panel: MosPanel, threshold: float) -> None:
    for row in panel.rows:
        if row.is_bonafide:
            axes.axvspan(row.speech.lower, row.speech.upper, color="0.88", zorder=0)
    axes.axvline(threshold, color="black", linestyle=":", linewidth=0.8)
    places = range(len(panel.rows))
    speech = [row.speech for row in panel.rows]
    axes.hlines(places, [item.lower for item in speech], [item.upper for item in speech], color="black", linewidth=1.2)
    axes.scatter([row.beside for row in panel.rows], places, s=18, c="white", edgecolors="0.35", zorder=3)
    faces = ["white" if row.is_bonafide else "black" for row in panel.rows]
    axes.scatter([row.centre for row in panel.rows], places, s=22, c=faces, edgecolors="black", zorder=4)
    axes.scatter([row.paper for row in panel.rows], places, s=34, c="#c8102e", marker="x", linewidth=1.4, zorder=5)
    axes.set_yticks(places, [row.name for row in panel.rows])
    axes.set_ylim(len(panel.rows) - 0.5, -0.5)
    axes.set_xlim(1, 5)
    axes.set_xlabel("predicted MOS")
    if panel.title:
        axes.set_title(panel.title, loc="left")
