"""Owns GitHub Markdown: tables that can also be read as plain text."""

from __future__ import annotations

import re

from grid.report.table import Cell, Column, Table


def to_markdown(table: Table) -> str:
    """`table` with its title as a heading, its caption above and its notes below; columns padded to equal width."""
    header = [_escape(" ".join(filter(None, (column.group, column.name)))) for column in table.columns]
    body = [[_text(cell) for cell in row] for row in table.rows]
    widths = [max(3, *(len(line[i]) for line in [header, *body])) for i in range(len(header))]
    lines = [f"### {_escape(table.title)}", "", _escape(table.caption), "", _line(header, widths, table.columns)]
    lines.append(
        "|" + "|".join(_rule(width, column) for width, column in zip(widths, table.columns, strict=True)) + "|"
    )
    lines += [_line(row, widths, table.columns) for row in body]
    if table.notes:
        lines.append("")
    for note in table.notes:
        mark = f"[{note.mark}] " if note.mark else ""
        lines.append(f"- {mark}{_escape(note.text)}")
    return "\n".join(lines) + "\n"


def _text(cell: Cell) -> str:
    return _escape(cell.text) + (f" [{cell.mark}]" if cell.mark else "")


def _escape(text: str) -> str:
    return re.sub(r"([\\`*_|<>#~])", r"\\\1", " ".join(text.split()))


def _line(words: list[str], widths: list[int], columns: tuple[Column, ...]) -> str:
    padded = [
        word.ljust(width) if column.align == "left" else word.rjust(width)
        for word, width, column in zip(words, widths, columns, strict=True)
    ]
    return "| " + " | ".join(padded) + " |"


def _rule(width: int, column: Column) -> str:
    return "-" * (width + 2) if column.align == "left" else "-" * (width + 1) + ":"
