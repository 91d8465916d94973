"""The table of predicted MOS by system, including bona fide speech."""

from __future__ import annotations

from grid.analysis.mos import MosResults, SystemMos
from grid.report.summary import percent
from grid.report.table import Cell, Column, Footnotes, Table, label

NAME, TITLE = "mos", "Predicted MOS by system"
BONAFIDE_NAME = "bona fide"
LEAST_ITEMS = 20
MEDIAN_PARTS = ("median", "lower_quartile", "upper_quartile")
CAPTION = (
    "How natural each system sounds to a predictor of the mean opinion score (1 to 5), beside the bona fide speech of "
    "the test set: quartiles, and the share of utterances above {threshold:g}, which is what an evaluation with "
    "`mos_above` keeps."
)


def mos_table(mos: MosResults) -> Table:
    """Bona fide speech first, then one row per system, best median first."""
    footnotes = Footnotes()
    return Table(
        name=NAME,
        title=TITLE,
        caption=CAPTION.format(threshold=mos.threshold),
        columns=(
            Column("system", align="left"),
            Column("utterances"),
            Column("mean"),
            Column("median", parts=MEDIAN_PARTS),
            Column(f"above {mos.threshold:g} (%)"),
        ),
        rows=tuple(_row(item, footnotes) for item in mos.systems),
        notes=footnotes.notes(),
    )


def _row(item: SystemMos, footnotes: Footnotes) -> tuple[Cell, ...]:
    return (
        label(item.system or BONAFIDE_NAME),
        count_cell(item, footnotes),
        Cell(f"{item.mean:.2f}", (item.mean,)),
        median_cell(item),
        Cell(percent(item.share_above), (item.share_above,)),
    )


def count_cell(item: SystemMos, footnotes: Footnotes) -> Cell:
    """The number of rated utterances, with a mark where it is small."""
    few = footnotes.mark(f"fewer than {LEAST_ITEMS} utterances") if item.count < LEAST_ITEMS else ""
    return Cell(str(item.count), (item.count,), few)


def median_cell(item: SystemMos) -> Cell:
    """The median with the quartiles; values as in `MEDIAN_PARTS`."""
    quartiles = f"[{item.lower:.2f}, {item.upper:.2f}]"
    return Cell(f"{item.median:.2f}", (item.median, item.lower, item.upper), details=(quartiles,))
