"""The heat map of a cross-codec matrix: training codec on y, test codec on x, the EER in every cell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from grid.report.figures.style import PAPER_WIDTH, paper_style, save_png, text_width
from grid.report.tables.cross_codec import Matrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# cividis is made for colour-blind readers and its lightness rises steadily, so it can be read in black and white
COLOUR_MAP = "cividis"
CHANCE = 50.0  # per cent
MANY_COLUMNS = 16
LARGEST_CELL = 0.62
APART, APART_OF_MANY = 5.0, 2.4
"""Width in points of the gap before separated rows and columns; small cells with two digits leave less room."""
# Room for the colour bar and its numbers, in inches
BAR_MARGIN = 0.65


def draw_heat_map(matrix: Matrix, path: Path) -> Path:
    """Writes the PNG. The colour runs from 0 to 50 % (chance; higher EERs look the same); failed cells are hatched."""
    from matplotlib.figure import Figure

    values = np.array([[100 * entry.mean for entry in row] for row in matrix.summaries])
    rows, columns = values.shape
    with paper_style():
        left = 0.3 + text_width(matrix.train_codecs)
        size = min(LARGEST_CELL, (PAPER_WIDTH - left - BAR_MARGIN) / columns)
        row_height = max(size, 0.24) if columns > MANY_COLUMNS else min(size, 0.36)
        below, height = 0.35 + text_width(matrix.test_codecs), row_height * rows
        width, total = left + size * columns + BAR_MARGIN, below + height + 0.3
        figure = Figure(figsize=(width, total))
        axes = figure.add_axes((left / width, below / total, size * columns / width, height / total))
        image = axes.imshow(np.ma.masked_invalid(values), cmap=COLOUR_MAP, vmin=0, vmax=CHANCE, aspect="auto")
        _write_values(axes, matrix)
        _label_axes(axes, matrix)
        bar = figure.add_axes(((left + size * columns + 0.12) / width, below / total, 0.1 / width, height / total))
        above = bool(np.any(values > CHANCE))
        figure.colorbar(image, cax=bar, extend="max" if above else "neither", label="EER %", ticks=[0, 25, 50])
        return save_png(figure, path)


def _label_axes(axes: Axes, matrix: Matrix) -> None:
    axes.set_xticks(range(len(matrix.test_codecs)), matrix.test_codecs, rotation=90)
    axes.set_yticks(range(len(matrix.train_codecs)), matrix.train_codecs)
    axes.tick_params(length=0)
    axes.set_xlabel("tested on")
    axes.set_ylabel("trained on")
    axes.set_title(f"{matrix.evaluation}: {matrix.detector}, policy {matrix.policy}", loc="left")
    gap = APART_OF_MANY if len(matrix.test_codecs) > MANY_COLUMNS else APART
    for edge in range(1, len(matrix.test_codecs)):
        apart = edge == len(matrix.test_codecs) - matrix.apart_columns
        axes.axvline(edge - 0.5, color="white", linewidth=gap if apart else 0.6)
    for edge in range(1, len(matrix.train_codecs)):
        axes.axhline(edge - 0.5, color="white", linewidth=gap if edge == matrix.apart_rows else 0.6)


def _write_values(axes: Axes, matrix: Matrix) -> None:
    """Writes the EERs, in bold where a detector is tested on its training codec; other states are hatched."""
    from matplotlib.patches import Rectangle

    decimals = 0 if len(matrix.test_codecs) > MANY_COLUMNS else 1
    for y, row in enumerate(matrix.summaries):
        for x, entry in enumerate(row):
            if entry.state == "done":
                text = f"{100 * entry.mean:.{decimals}f}"
                weight = "bold" if matrix.train_codecs[y] == matrix.test_codecs[x] else "normal"
                axes.text(x, y, text, ha="center", va="center", color=_ink(100 * entry.mean), weight=weight)
                continue
            axes.add_patch(
                Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor="#e6e6e6", edgecolor="#8c8c8c", hatch="////", linewidth=0)
            )
            letter = entry.state[0].upper()
            axes.text(
                x, y, letter, ha="center", va="center", color="black", bbox={"fc": "white", "ec": "none", "pad": 1}
            )


def _ink(percent: float) -> str:
    """Black or white, whichever contrasts more with the cell (relative luminance of WCAG 2.1)."""
    import matplotlib as mpl

    colour = np.array(mpl.colormaps[COLOUR_MAP](min(percent, CHANCE) / CHANCE)[:3])
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ [0.2126, 0.7152, 0.0722])
    return "black" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "white"
