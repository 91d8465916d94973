"""Owns GitHub Markdown: tables that can also be read as plain text."""

from __future__ import annotations

import re

from grid.report.table import Cell, Column, Table


def to_markdown(table: Table) -> str:
    """`table` with its title as a heading, its caption above and its notes below; columns padded to equal width."""
    header = [escape_markdown(" ".join(filter(None, (column.group, column.name)))) for column in table.columns]
    body = [[_text(cell) for cell in row] for row in table.rows]
    widths = [max(3, *(len(line[i]) for line in [header, *body])) for i in range(len(header))]
    lines = [
        f"### {escape_markdown(table.title)}",
        "",
        escape_markdown(table.caption),
        "",
        _line(header, widths, table.columns),
    ]
    lines.append(
        "|" + "|".join(_rule(width, column) for width, column in zip(widths, table.columns, strict=True)) + "|"
    )
    lines += [_line(row, widths, table.columns) for row in body]
    if table.notes:
        lines.append("")
    for note in table.notes:
        mark = f"[{note.mark}] " if note.mark else ""
        lines.append(f"- {mark}{escape_markdown(note.text)}")
    return "\n".join(lines) + "\n"


def _text(cell: Cell) -> str:
    return escape_markdown(cell.full) + (f" [{cell.mark}]" if cell.mark else "")


def escape_markdown(text: str) -> str:
    """`text` on one line so that Markdown shows it as it is."""
    return re.sub(r"([\\`*_|<>#~])", r"\\\1", " ".join(text.split()))


def _line(words: list[str], widths: list[int], columns: tuple[Column, ...]) -> str:
    padded = [
        word.ljust(width) if column.align == "left" else word.rjust(width)
        for word, width, column in zip(words, widths, columns, strict=True)
    ]
    return "| " + " | ".join(padded) + " |"


def _rule(width: int, column: Column) -> str:
    return "-" * (width + 2) if column.align == "left" else "-" * (width + 1) + ":"
