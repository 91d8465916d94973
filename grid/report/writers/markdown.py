"""The GitHub Markdown form of tables and pages; a table can also be read as plain text."""

from __future__ import annotations

import re

from grid.report.page import FOLDED, Figure, Fold, Page, Part
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
    """`text` on one line so that Markdown shows it as it is: no name can become a link, such as `[a](javascript:b)`."""
    return re.sub(r"([\\`*_|<>#~]|\](?=[(\[:]))", r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    """`text` in the type of code; a grave accent in it would end that."""
    return f"`{text.replace('`', chr(39))}`"


def _line(words: list[str], widths: list[int], columns: tuple[Column, ...]) -> str:
    padded = [
        word.ljust(width) if column.align == "left" else word.rjust(width)
        for word, width, column in zip(words, widths, columns, strict=True)
    ]
    return "| " + " | ".join(padded) + " |"


def _rule(width: int, column: Column) -> str:
    return "-" * (width + 2) if column.align == "left" else "-" * (width + 1) + ":"


def to_markdown_page(page: Page) -> str:
    """The whole page; figures are links to the files beside it."""
    blocks = [f"# {escape_markdown(page.title)}\n"]
    blocks += [f"> **Note:** {escape_markdown(warning)}\n" for warning in page.warnings]
    blocks.append(f"{escape_markdown(page.summary)}\n")
    if page.terms:
        blocks.append("".join(f"- **{escape_markdown(k)}**: {escape_markdown(v)}\n" for k, v in page.terms))
    blocks += [_part(part, "") for part in page.shown]
    blocks += [_fold(fold) for fold in page.folds]
    blocks.append(to_markdown(page.last))
    facts = [f"{escape_markdown(word)}: {_code(value)}" for word, value in page.facts]
    blocks.append("---\n\n" + " | ".join(facts) + "\n")
    return "\n".join(blocks)


def _part(part: Part, folder: str) -> str:
    if isinstance(part, Figure):
        title = escape_markdown(part.title)
        return f"![{title}]({folder}{part.file})\n\n**{title}.** {escape_markdown(part.caption)}\n"
    return to_markdown(part)


def _fold(fold: Fold) -> str:
    parts = "\n".join(_part(part, f"{FOLDED}/") for part in fold.parts)
    return f"<details><summary>{escape_markdown(fold.title)}</summary>\n\n{parts}\n</details>\n"
