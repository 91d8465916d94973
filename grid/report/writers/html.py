"""Owns HTML: one table or figure as a fragment, and the page that holds all of them in a single file."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from grid.report.table import Cell, Table
from grid.report.writers.page_style import PAGE_STYLE


@dataclass(frozen=True)
class Figure:
    """A picture file (PNG) with the name of its file, its title, and a sentence that says what it shows."""

    name: str
    title: str
    caption: str
    path: Path


def to_html(table: Table) -> str:
    """`table` as a `<section>` that can be linked to by its name."""
    head = _group_row(table) if table.has_groups() else ""
    names = "".join(f'<th class="{column.align}">{escape(column.name)}</th>' for column in table.columns)
    body = "\n".join(f"<tr>{_row(table, row)}</tr>" for row in table.rows)
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


def to_page(title: str, summary: str, figures: Sequence[Figure], tables: Sequence[Table]) -> str:
    """One page that needs no other file: the pictures are inside it, and it follows the reader's light or dark mode."""
    parts = [(item.name, item.title) for item in figures] + [(item.name, item.title) for item in tables]
    links = "".join(f'<li><a href="#{escape(name)}">{escape(title)}</a></li>' for name, title in parts)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>{PAGE_STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n<p>{escape(summary)}</p>\n"
        f"<nav><ul>{links}</ul></nav>\n"
        + "".join(_figure(figure) for figure in figures)
        + "".join(to_html(table) for table in tables)
        + "</body>\n</html>\n"
    )


def _figure(figure: Figure) -> str:
    data = base64.b64encode(figure.path.read_bytes()).decode("ascii")
    return (
        f'<figure id="{escape(figure.name)}">\n<img alt="{escape(figure.title)}" src="data:image/png;base64,{data}">\n'
        f"<figcaption><b>{escape(figure.title)}.</b> {escape(figure.caption)}</figcaption>\n</figure>\n"
    )


def _group_row(table: Table) -> str:
    cells = "".join(f'<th class="group" colspan="{count}">{escape(group)}</th>' for group, count in table.groups())
    return f"<tr>{cells}</tr>"


def _row(table: Table, row: tuple[Cell, ...]) -> str:
    return "".join(
        f'<td class="{column.align}{_state(cell)}">{escape(cell.text)}'
        f"{f'<sup>{escape(cell.mark)}</sup>' if cell.mark else ''}</td>"
        for column, cell in zip(table.columns, row, strict=True)
    )


def _state(cell: Cell) -> str:
    return f" {cell.text}" if cell.text in ("failed", "missing", "running") else ""
