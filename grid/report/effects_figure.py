"""Owns the figure of effects: a row per contrast, its difference in EER with the interval, the noise floor in grey."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from grid.report.effects import EffectRow, Effects, Tested
from grid.report.effects_table import contrast_words
from grid.report.figures import paper_style, save_png, text_width

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

# One column of a two-column paper (IEEE, ISCA), in inches
COLUMN_WIDTH = 3.5
ROW_HEIGHT = 0.27
ABOVE, BELOW = 0.05, 0.66
INK, GREY = "#000000", "#8c8c8c"
# Told apart by shape and by filling, so that no reader needs a colour; the impartial codecs are the filled ones
MARKS: tuple[tuple[Tested, str, str], ...] = (
    ("outside the family", "o", "tested outside the family"),
    ("all others", "s", "on all others"),
)
FILLED: Tested = "outside the family"
APART = 0.3
"""Of a row's height: how far its two marks lie from each other."""


def draw_effects(effects: Effects, path: Path) -> Path:
    """Writes the PNG, one column wide: left of zero the second codec of a contrast gives the lower EER."""
    from matplotlib.figure import Figure

    rows = effects.pooled()
    several = len({row.contrast.family for row in rows}) > 1
    names = [contrast_words(row, several) for row in rows]
    height = ROW_HEIGHT * len(rows)
    with paper_style():
        left, total = text_width(names) + 0.1, BELOW + height + ABOVE
        figure = Figure(figsize=(COLUMN_WIDTH, total))
        axes = figure.add_axes((left / COLUMN_WIDTH, BELOW / total, 0.98 - left / COLUMN_WIDTH, height / total))
        shown = [mark for mark in MARKS if any(row.effect(mark[0]).codecs for row in rows)]
        for place, (tested, shape, _) in enumerate(shown):
            for y, row in enumerate(rows):
                _draw_effect(axes, y + APART * (place - (len(shown) - 1) / 2), row, tested, shape)
        _dress(axes, names, [row.contrast.is_noise_floor for row in rows])
        figure.legend(handles=_legend(shown), loc="lower center", ncols=2, frameon=False, columnspacing=1.2)
        return save_png(figure, path)


def _draw_effect(axes: Axes, y: float, row: EffectRow, tested: Tested, shape: str) -> None:
    effect = row.effect(tested)
    if not effect.codecs:
        return
    colour = GREY if row.contrast.is_noise_floor else INK
    if not math.isnan(effect.lower):
        axes.plot([100 * effect.lower, 100 * effect.upper], [y, y], color=colour, linewidth=1.1, solid_capstyle="butt")
    face = colour if tested == FILLED else "white"
    axes.plot([100 * effect.difference], [y], shape, color=colour, markerfacecolor=face, markersize=4.5)


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


def _legend(shown: list[tuple[Tested, str, str]]) -> list[Artist]:
    from matplotlib.lines import Line2D

    return [
        Line2D(
            [],
            [],
            marker=shape,
            color=INK,
            markerfacecolor=INK if tested == FILLED else "white",
            markersize=4.5,
            linewidth=1.1,
            label=words,
        )
        for tested, shape, words in shown
    ]
