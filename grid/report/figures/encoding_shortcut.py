"""The figure of encoding as a shortcut: the EER of each detector with either, both or neither class encoded."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from grid.analysis.shortcut_conditions import CellShortcuts, ShortcutResults
from grid.core.vocabulary import NO_CORS
from grid.measuring.shortcut_conditions import Encoded
from grid.report.figures.style import PAPER_WIDTH, paper_style, save_png, text_width
from grid.report.page import Figure
from grid.report.summary import mean_and_error
from grid.report.tables.encoding_shortcut import codecs_of, leading_cells, numbers_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKS: dict[Encoded, tuple[str, str]] = {
    "bona fide": ("#0072b2", "o"),
    "spoof": ("#d55e00", "s"),
    "both": ("#009e73", "D"),
}
"""The colour (of Okabe and Ito) and the mark of each condition."""
ROW_HEIGHT, BELOW, ABOVE, RIGHT, GAP = 0.24, 0.75, 0.3, 0.1, 0.3
"""In inches: the height of a row, the room around the panels, and the gap between two."""
MOST_ACROSS = 2
CAPTION = (
    "EER of detectors {training}, mean over seeds, with a bar of one standard error: further left is better. Dashed: "
    "neither class is encoded. A mark far right of the line at 'bona fide' is a detector that takes the codec for "
    "generation. Dotted: chance."
)


def encoding_figure(found: ShortcutResults) -> list[Figure]:
    """The figure as a part of a page; none without conditions of encoding."""
    cells = leading_cells(found.cells)
    if not cells:
        return []
    training = "trained without CoRS" if cells[0].policy == NO_CORS else f"of policy {cells[0].policy}"
    caption = CAPTION.format(training=training)
    return [Figure("encoding-shortcut", "Encoding as a shortcut", caption, partial(draw_encoding, cells))]


def draw_encoding(cells: Sequence[CellShortcuts], path: Path) -> Path:
    """Writes the PNG: a panel for each detector, a row for each codec."""
    from matplotlib.figure import Figure as Canvas

    codecs, detectors = codecs_of(cells), list(dict.fromkeys(cell.detector for cell in cells))
    lines = [detectors[start : start + MOST_ACROSS] for start in range(0, len(detectors), MOST_ACROSS)]
    with paper_style():
        left, height = 0.15 + text_width(codecs), ROW_HEIGHT * len(codecs)
        across = (PAPER_WIDTH - left - RIGHT - GAP * (len(lines[0]) - 1)) / len(lines[0])
        total = BELOW + len(lines) * (height + ABOVE) + (len(lines) - 1) * 0.25
        figure = Canvas(figsize=(PAPER_WIDTH, total))
        for number, line in enumerate(lines):
            bottom = BELOW + (len(lines) - 1 - number) * (height + ABOVE + 0.25)
            for column, detector in enumerate(line):
                x = left + column * (across + GAP)
                axes = figure.add_axes((x / PAPER_WIDTH, bottom / total, across / PAPER_WIDTH, height / total))
                _draw_panel(axes, [cell for cell in cells if cell.detector == detector], codecs)
                axes.set_title(detector)
                axes.set_xlabel("EER (%)" if number == len(lines) - 1 else "")
                if column:
                    axes.set_yticklabels([])
        handles, names = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="lower center", ncols=len(names), frameon=False)
        return save_png(figure, path)


def _draw_panel(axes: Axes, cells: Sequence[CellShortcuts], codecs: Sequence[str]) -> None:
    axes.axvline(50, color="0.6", linestyle=":", linewidth=0.8)
    plain = [numbers.eer for cell in cells for numbers in numbers_of(cell, codecs, "neither")]
    if plain:
        axes.axvline(100 * mean_and_error(plain)[0], color="black", linestyle="--", linewidth=0.8, label="neither")
    for shift, (encoded, (colour, mark)) in zip((-0.22, 0.0, 0.22), MARKS.items(), strict=True):
        for row, codec in enumerate(codecs):
            mean, error = mean_and_error([n.eer for cell in cells for n in numbers_of(cell, [codec], encoded)])
            name = f"{encoded} encoded" if row == 0 else None
            bar = None if error != error else 100 * error
            axes.errorbar(
                100 * mean, row + shift, xerr=bar, fmt=mark, color=colour, markersize=4, linewidth=1, label=name
            )
    axes.set_yticks(range(len(codecs)), codecs)
    axes.set_ylim(len(codecs) - 0.5, -0.5)
    axes.set_xlim(-2, 102)
    axes.set_xticks((0, 25, 50, 75, 100))
    axes.grid(axis="y", color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)
