"""Owns the table and the figure of predicted MOS by system, beside the bona fide speech (CodecFake+, Figure 5)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from grid.metrics.mos import BONAFIDE_SYSTEM, SystemMos
from grid.report.figures import PAPER_WIDTH, paper_style, save_png, text_width
from grid.report.page import Figure
from grid.report.summary import percent
from grid.report.table import Cell, Column, Footnotes, Table, label

NAME, TITLE = "mos", "Predicted MOS by system"
BONAFIDE_NAME = "bona fide"
LEAST_ITEMS = 20
CAPTION = (
    "How natural each system sounds to a predictor of the mean opinion score (1 to 5), beside the bona fide speech of "
    "the test set: quartiles, and the share of utterances above {threshold:g}, which is what an evaluation with "
    "`mos_above` keeps."
)
FIGURE = "The dot is the median, the bar the middle half, the band that of bona fide speech; dotted: {threshold:g}."
ROW_HEIGHT = 0.2


def mos_table(systems: Sequence[SystemMos], threshold: float) -> Table:
    """Bona fide speech first, then one row per system, best median first."""
    footnotes = Footnotes()
    return Table(
        name=NAME,
        title=TITLE,
        caption=CAPTION.format(threshold=threshold),
        columns=(
            Column("system", align="left"),
            Column("utterances"),
            Column("mean"),
            Column("median", parts=("median", "lower_quartile", "upper_quartile")),
            Column(f"above {threshold:g} (%)"),
        ),
        rows=tuple(_row(item, footnotes) for item in systems),
        notes=footnotes.notes(),
    )


def mos_figure(systems: Sequence[SystemMos], threshold: float) -> Figure:
    """The figure as a part of a page."""
    return Figure(NAME, TITLE, FIGURE.format(threshold=threshold), partial(draw_mos, systems, threshold))


def draw_mos(systems: Sequence[SystemMos], threshold: float, path: Path) -> Path:
    """Writes the PNG: one line per system, from the best median down."""
    from matplotlib.figure import Figure

    names = [item.system or BONAFIDE_NAME for item in systems]
    with paper_style():
        left, height = 0.15 + text_width(names), ROW_HEIGHT * len(names)
        width, total = PAPER_WIDTH / 2, height + 0.55
        figure = Figure(figsize=(width, total))
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


def _row(item: SystemMos, footnotes: Footnotes) -> tuple[Cell, ...]:
    few = footnotes.mark(f"fewer than {LEAST_ITEMS} utterances") if item.count < LEAST_ITEMS else ""
    quartiles = f"[{item.lower:.2f}, {item.upper:.2f}]"
    return (
        label(item.system or BONAFIDE_NAME),
        Cell(str(item.count), (item.count,), few),
        Cell(f"{item.mean:.2f}", (item.mean,)),
        Cell(f"{item.median:.2f}", (item.median, item.lower, item.upper), details=(quartiles,)),
        Cell(percent(item.share_above), (item.share_above,)),
    )
