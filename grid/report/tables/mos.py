"""The table of predicted MOS by system, including bona fide speech (CodecFake+, Figure 5)."""

from __future__ import annotations

from collections.abc import Sequence

from grid.analysis.mos import SystemMos
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
