"""The figure of effects: one row per contrast, with its EER differences and intervals; the noise floor is grey."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grid.analysis.effects.results import EffectRow, Effects, Others
from grid.report.figures.style import paper_style, save_png, text_width
from grid.report.tables.effects import SIDE_WORDS, contrast_words

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

# One column of a two-column paper (IEEE, ISCA), in inches
COLUMN_WIDTH = 3.5
MARK_HEIGHT = 0.081
BETWEEN_ROWS = 0.108
ABOVE, BELOW, LEGEND_LINE = 0.05, 0.51, 0.15
INK, GREY = "#000000", "#8c8c8c"
# Distinguished by shape and fill, so that no colour is needed; filled are the codecs outside the family
MARKS: tuple[tuple[Others, str], ...] = (("outside the family", "o"), ("better than chance", "^"), ("all others", "s"))
FILLED: Others = "outside the family"
MAIN, MAIN_WORDS = "D", "main effect, all codecs"


@dataclass(frozen=True)
class _Series:
    """One kind of mark, with its difference and bounds (fractions) for each row, None where it has no value."""

    shape: str
    words: str
    filled: bool
    values: tuple[tuple[float, float, float] | None, ...]


def draw_effects(effects: Effects, path: Path) -> Path:
    """Writes the PNG, one column wide: left of zero the second codec of a contrast gives the lower EER.

    Attributes come above the noise floor of their families; families with a noise floor alone are in the table only.
    """
    from matplotlib.figure import Figure

    rows = sorted((row for row in effects.of_taxonomy() if row.pooled), key=lambda row: row.contrast.is_noise_floor)
    shown = _series(effects, rows)
    several = len({row.contrast.family for row in rows}) > 1
    names = [contrast_words(row, several) for row in rows]
    floor = [row.contrast.is_noise_floor for row in rows]
    row_height = BETWEEN_ROWS + MARK_HEIGHT * max(2, len(shown))
    height, below = row_height * len(rows), BELOW + LEGEND_LINE * math.ceil(len(shown) / 2)
    with paper_style():
        left, total = text_width(names) + 0.1, below + height + ABOVE
        figure = Figure(figsize=(COLUMN_WIDTH, total))
        axes = figure.add_axes((left / COLUMN_WIDTH, below / total, 0.98 - left / COLUMN_WIDTH, height / total))
        for index, series in enumerate(shown):
            shift = MARK_HEIGHT / row_height * (index - (len(shown) - 1) / 2)
            for y, is_floor in enumerate(floor):
                _draw_mark(axes, y, y + shift, series, GREY if is_floor else INK)
        _dress(axes, names, floor)
        figure.legend(handles=_legend(shown), loc="lower center", ncols=2, frameon=False, columnspacing=1.2)
        return save_png(figure, path)


def _series(effects: Effects, rows: Sequence[EffectRow]) -> list[_Series]:
    """The series with a mark in some row, without those that would repeat another."""
    series = []
    repeated: set[Others] = set() if effects.left_out() else {"better than chance"}
    if any(row.effect("outside the family").codecs for row in rows):
        repeated.add("all others")  # those outside the family are shown already
    for (others, shape), words in zip(MARKS, SIDE_WORDS[effects.side].marks, strict=True):
        if others in repeated:
            continue
        by_row = [row.effect(others) for row in rows]
        values = tuple((item.difference, item.lower, item.upper) if item.codecs else None for item in by_row)
        series.append(_Series(shape, words, others == FILLED, values))
    main = [effects.main_effect(row.contrast) for row in rows]
    estimates = tuple((item.estimate, item.lower, item.upper) if item else None for item in main)
    series.append(_Series(MAIN, MAIN_WORDS, filled=False, values=estimates))
    return [item for item in series if any(item.values)]


def _draw_mark(axes: Axes, row: int, y: float, series: _Series, colour: str) -> None:
    value = series.values[row]
    if value is None:
        return
    difference, lower, upper = value
    if not math.isnan(lower):
        axes.plot([100 * lower, 100 * upper], [y, y], color=colour, linewidth=1.1, solid_capstyle="butt")
    face = colour if series.filled else "white"
    axes.plot([100 * difference], [y], series.shape, color=colour, markerfacecolor=face, markersize=4.5)


def _dress(axes: Axes, names: list[str], noise_floor: list[bool]) -> None:
    axes.axvline(0, color=INK, linewidth=0.7, zorder=0.9)
    axes.set_yticks(range(len(names)), names)
    for text, grey in zip(axes.get_yticklabels(), noise_floor, strict=True):
        text.set_color("#5e5e5e" if grey else INK)  # the grey of the marks is too light to read
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("change of the EER (points)")
    axes.grid(axis="x", color="#d8d8d8", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    if 0 < sum(noise_floor) < len(names):
        axes.axhline(noise_floor.index(True) - 0.5, color=GREY, linewidth=0.7, linestyle=(0, (2, 2)))


def _legend(shown: list[_Series]) -> list[Artist]:
    from matplotlib.lines import Line2D

    return [
        Line2D(
            [],
            [],
            marker=series.shape,
            color=INK,
            markerfacecolor=INK if series.filled else "white",
            markersize=4.5,
            linewidth=1.1,
            label=series.words,
        )
        for series in shown
    ]
