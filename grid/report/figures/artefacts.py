"""The figures of codec artefacts: the residual spectrogram of each codec, and the similarity of their pairs."""

from __future__ import annotations

import textwrap
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from grid.analysis.artefacts import ArtefactResults
from grid.report.figures.cross_codec import COLOUR_MAP
from grid.report.figures.style import PAPER_WIDTH, paper_style, save_png, text_width
from grid.report.page import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

PANELS_ACROSS, PANEL_HEIGHT = 4, 1.05
TITLE_CHARACTERS = 20
BAR_HEIGHT = 1.8
SHOWN_DECIBELS = 40.0
HIGHEST_KILOHERTZ, FRAMES_PER_SECOND = 8.0, 125
LARGEST_CELL, MANY_CODECS = 0.5, 14

RESIDUALS = (
    "The recording minus what each codec made of it, one utterance ({example}), every panel on one scale: bright where "
    "the codec lost energy, dark where it added some, and in between where nothing changed."
)
SIMILARITIES = (
    "How alike the residuals of two codecs are, mean over {utterances} utterances: SSIM above the diagonal, Pearson "
    "correlation below it. Brighter is more alike."
)


def artefact_figures(results: ArtefactResults) -> list[Figure]:
    """The two figures, similarity and residuals, as parts of a page."""
    residuals = RESIDUALS.format(example=results.example)
    similarities = SIMILARITIES.format(utterances=results.utterances)
    return [
        Figure("artefact-similarity", "Similarity of codec artefacts", similarities, partial(draw_similarity, results)),
        Figure("artefact-residuals", "Residual spectrograms", residuals, partial(draw_residuals, results)),
    ]


def draw_residuals(results: ArtefactResults, path: Path) -> Path:
    """Writes the PNG: one panel for each codec, at most PANELS_ACROSS in a row."""
    from matplotlib.figure import Figure as Canvas

    across = min(PANELS_ACROSS, len(results.residuals))
    down = -(-len(results.residuals) // across)
    with paper_style():
        height = 0.45 + PANEL_HEIGHT * down
        figure = Canvas(figsize=(PAPER_WIDTH, height), layout="constrained")
        axes = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
        for number, (codec, residual) in enumerate(results.residuals.items()):
            panel = axes[number // across][number % across]
            image = show_residual(panel, residual)
            panel.set_title("\n".join(textwrap.wrap(codec, TITLE_CHARACTERS)), loc="left", fontsize="medium")
            panel.tick_params(labelbottom=number + across >= len(results.residuals))
        for number in range(len(results.residuals), across * down):
            axes[number // across][number % across].set_axis_off()
        figure.supxlabel("s", fontsize="medium")
        figure.supylabel("kHz", fontsize="medium")
        shrink, ticks = min(0.9, BAR_HEIGHT / height), [-SHOWN_DECIBELS, -20, 0, 20, SHOWN_DECIBELS]
        figure.colorbar(image, ax=axes, label="dB", extend="both", shrink=shrink, aspect=18, ticks=ticks)
        return save_png(figure, path)


def show_residual(axes: Axes, residual: NDArray[np.float32]) -> AxesImage:
    """Draws a residual (bins, frames) in dB over seconds and kHz; all figures have the same scale."""
    axes.set_yticks([0, 4, 8])
    return axes.imshow(
        residual,
        origin="lower",
        aspect="auto",
        cmap=COLOUR_MAP,
        vmin=-SHOWN_DECIBELS,
        vmax=SHOWN_DECIBELS,
        extent=(0, residual.shape[1] / FRAMES_PER_SECOND, 0, HIGHEST_KILOHERTZ),
        interpolation="antialiased",
    )


def draw_similarity(results: ArtefactResults, path: Path) -> Path:
    """Writes the PNG: SSIM above the diagonal, Pearson correlation below it; numbers for up to MANY_CODECS codecs."""
    from matplotlib.figure import Figure as Canvas

    names = results.codecs
    values = np.full((len(names), len(names)), np.nan)
    for row, row_codec in enumerate(names):
        for column, column_codec in enumerate(names):
            if row != column:
                pair = results.pair(row_codec, column_codec)
                values[row, column] = pair.ssim if row < column else pair.pearson
    with paper_style():
        left = 0.1 + text_width(names)
        size = min(LARGEST_CELL, (PAPER_WIDTH - left - 0.7) / len(names))
        width, height = left + size * len(names) + 0.7, left + size * len(names) + 0.3
        figure = Canvas(figsize=(width, height))
        extent = size * len(names)
        axes = figure.add_axes((left / width, left / height, extent / width, extent / height))
        least = min(0.0, float(np.nanmin(values)))
        image = axes.imshow(np.ma.masked_invalid(values), cmap=COLOUR_MAP, vmin=least, vmax=1.0)
        axes.set_xticks(range(len(names)), names, rotation=90)
        axes.set_yticks(range(len(names)), names)
        axes.tick_params(length=0)
        axes.set_title("SSIM above, Pearson below the diagonal", loc="left")
        if len(names) <= MANY_CODECS:
            _write_values(axes, values, least)
        bar = figure.add_axes(((left + extent + 0.12) / width, left / height, 0.1 / width, extent / height))
        figure.colorbar(image, cax=bar)
        return save_png(figure, path)


def _write_values(axes: Axes, values: np.ndarray, least: float) -> None:
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            dark = (value - least) / (1 - least) < 0.55
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color="white" if dark else "black")
