"""The figure of residual spectrograms side by side: a pair of codecs in each row, all on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grid.report.figures.artefacts import SHOWN_DECIBELS, show_residual
from grid.report.figures.style import PAPER_WIDTH, paper_style, save_png

LEFT, BETWEEN, RIGHT, BELOW = 0.45, 0.28, 0.75, 0.4
"""Margins in inches: left of the panels, between the two of a row, right of them (colour bar), below the last row."""
PANEL_HEIGHT, TITLE_HEIGHT, GAP = 0.85, 0.4, 0.14
"""In inches: a panel, the two lines above it, and the room between two rows."""
LONGEST_BAR = 1.8


@dataclass(frozen=True)
class PairRow:
    """Two residuals, each (bins, frames) in dB, the names of their codecs, and the title of the row."""

    title: str
    codecs: tuple[str, str]
    residuals: tuple[NDArray[np.float32], NDArray[np.float32]]


def draw_pairs(rows: Sequence[PairRow], path: Path) -> Path:
    """Writes the PNG, a row of two panels for each of `rows`."""
    from matplotlib.figure import Figure as Canvas

    row_height = TITLE_HEIGHT + PANEL_HEIGHT + GAP
    width, height = PAPER_WIDTH, BELOW + row_height * len(rows)
    across = (width - LEFT - BETWEEN - RIGHT) / 2
    with paper_style():
        figure = Canvas(figsize=(width, height))
        for number, row in enumerate(rows):
            bottom = height - number * row_height - TITLE_HEIGHT - PANEL_HEIGHT
            for side, (codec, residual) in enumerate(zip(row.codecs, row.residuals, strict=True)):
                left = LEFT + side * (across + BETWEEN)
                axes = figure.add_axes((left / width, bottom / height, across / width, PANEL_HEIGHT / height))
                image = show_residual(axes, residual)
                axes.set_title(codec, loc="left", fontsize="medium")
                axes.tick_params(labelbottom=number == len(rows) - 1, labelleft=side == 0)
            line = bottom + PANEL_HEIGHT + TITLE_HEIGHT - 0.02
            figure.text(LEFT / width, line / height, row.title, va="top", weight="bold", fontsize="medium")
        middle = (LEFT + across + BETWEEN / 2) / width
        figure.text(middle, 0.04 / height, "s", ha="center", fontsize="medium")
        middle = (BELOW + (height - BELOW) / 2) / height
        figure.text(0.04 / width, middle, "kHz", rotation=90, va="center", fontsize="medium")
        bar = min(LONGEST_BAR, height - BELOW - TITLE_HEIGHT)
        place = ((width - RIGHT + 0.15) / width, BELOW / height, 0.1 / width, bar / height)
        ticks = [-SHOWN_DECIBELS, -20, 0, 20, SHOWN_DECIBELS]
        figure.colorbar(image, cax=figure.add_axes(place), label="dB", extend="both", ticks=ticks)
        return save_png(figure, path)
