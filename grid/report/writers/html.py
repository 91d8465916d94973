"""Owns HTML: a table as a fragment of a page."""

from __future__ import annotations

from html import escape

from grid.report.table import Cell, Column, Table


def to_html(table: Table) -> str:
    """`table` as a `<section>` that can be linked to by its name."""
    head = _group_row(table) if table.has_groups() else ""
    names = "".join(f'<th class="{column.align}">{escape(column.name)}</th>' for column in table.columns)
    pairs = zip(table.rows, (None, *table.rows), strict=False)
    body = "\n".join(_row(row, table.columns, above) for row, above in pairs)
    notes = "".join(
        f"<li>{f'<sup>{escape(note.mark)}</sup> ' if note.mark else ''}{escape(note.text)}</li>" for note in table.notes
    )
    return (
        f'<section id="{escape(table.name)}">\n<h2>{escape(table.title)}</h2>\n<p>{escape(table.caption)}</p>\n'
        f'<div class="scroll"><table>\n<thead>{head}<tr>{names}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table></div>\n"
        + (f'<ul class="notes">{notes}</ul>\n' if notes else "")
        + "</section>\n"
    )


def _group_row(table: Table) -> str:
    cells = "".join(f'<th class="group" colspan="{count}">{escape(group)}</th>' for group, count in table.groups())
    return f"<tr>{cells}</tr>"


def _row(row: tuple[Cell, ...], columns: tuple[Column, ...], above: tuple[Cell, ...] | None) -> str:
    """A row; a label that only repeats the one above it steps back, so that the eye sees groups of rows."""
    again = above is not None and row[0].values == above[0].values
    cells = "".join(_cell(*pair) for pair in zip(row, columns, strict=True))
    return f'<tr class="again">{cells}</tr>' if again else f"<tr>{cells}</tr>"


def _cell(cell: Cell, column: Column) -> str:
    state = f" {cell.text}" if cell.text in ("failed", "missing", "running") else ""
    mark = f"<sup>{escape(cell.mark)}</sup>" if cell.mark else ""
    details = "".join(f"<small>{escape(detail)}</small>" for detail in cell.details)
    return f'<td class="{column.align}{state}">{escape(cell.text)}{mark}{details}</td>'
