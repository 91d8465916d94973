"""The terminal form of a table, drawn by rich."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grid.report.table import Table

if TYPE_CHECKING:
    from rich.table import Table as RichTable


def to_rich(table: Table) -> RichTable:
    """`table` as a rich table, with its notes in the caption below; its text is never parsed as rich markup.

    No cell is cut: in a terminal that is too narrow, lines wrap at spaces.
    """
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    notes = "\n".join(f"[{note.mark}] {note.text}" if note.mark else note.text for note in table.notes)
    drawn = RichTable(
        title=Text(table.title),
        caption=Text("\n".join(filter(None, (table.caption, notes)))),
        title_justify="left",
        title_style="bold",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 2, 0, 0),
        pad_edge=False,
        min_width=len(table.title),
        show_edge=False,
    )
    for column in table.columns:
        heading = "\n".join(filter(None, (column.group, column.name)))
        drawn.add_column(Text(heading), justify=column.align, overflow="fold")
    for row in table.rows:
        drawn.add_row(*(Text(cell.full + (f" [{cell.mark}]" if cell.mark else "")) for cell in row))
    return drawn
