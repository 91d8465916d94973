"""The in-memory form of a table, from which every format is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

CellValue = str | int | float


@dataclass(frozen=True)
class Column:
    """A column: its name, the group above it ("" for none), its alignment, and the names of its values.

    A cell shown as `8.36 [7.90, 8.81]` holds several numbers; `parts` names them, and CSV gives each its own column.
    """

    name: str
    group: str = ""
    align: Literal["left", "right"] = "right"
    parts: tuple[str, ...] = ("",)

    @property
    def full_name(self) -> str:
        return f"{self.group} {self.name}" if self.group else self.name


@dataclass(frozen=True)
class Cell:
    """The text of a cell, its values at full precision (one per part of the column), and its footnote mark.

    `details` qualify `text` (an interval, a difference): formats with small type put them on lines below it.
    """

    text: str
    values: tuple[CellValue, ...]
    mark: str = ""
    details: tuple[str, ...] = ()

    @property
    def full(self) -> str:
        """The text and its details on one line."""
        return " ".join((self.text, *self.details))


@dataclass(frozen=True)
class Note:
    """A line below a table; `mark` links it to cells, and is "" for a remark about the whole table."""

    mark: str
    text: str


@dataclass(frozen=True)
class Table:
    """A table: `name` is its file name without suffix, a row has one `Cell` per column. ValueError if shapes differ."""

    name: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"table {self.name!r}: a row of {len(row)} cells for {len(self.columns)} columns")
            for cell, column in zip(row, self.columns, strict=True):
                if len(cell.values) != len(column.parts):
                    raise ValueError(f"table {self.name!r}: {cell} has not one value per part of {column}")

    def groups(self) -> list[tuple[str, int]]:
        """The column groups from left to right with the number of columns of each; all empty if there are none."""
        return [(group, len(list(columns))) for group, columns in groupby(self.columns, key=lambda c: c.group)]

    def has_groups(self) -> bool:
        return any(column.group for column in self.columns)


@dataclass
class Footnotes:
    """Collects the notes of a table while it is built; the same text gets the same mark."""

    _marks: dict[str, str] = field(default_factory=dict)

    def mark(self, text: str) -> str:
        """The mark of `text`: a, b, ..., z, aa, ab, ..."""
        if text not in self._marks:
            self._marks[text] = _letters(len(self._marks))
        return self._marks[text]

    def notes(self, *remarks: str) -> tuple[Note, ...]:
        """All notes in order of their marks, after the unmarked `remarks`."""
        return (*(Note("", remark) for remark in remarks), *(Note(mark, text) for text, mark in self._marks.items()))


def label(text: str) -> Cell:
    """A cell with a text that is its only value."""
    return Cell(text, (text,))


def _letters(index: int) -> str:
    head, last = divmod(index, 26)
    return (_letters(head - 1) if head else "") + chr(ord("a") + last)
