"""The page of a report independent of its format: the parts shown first, the folded parts, and the facts at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grid.report.table import Table

FOLDED = "more"
"""The folder, beside the page, for the files of folded parts."""


@dataclass(frozen=True)
class Figure:
    """A figure: its file name, its title, how to read it, and the function that draws it as PNG to a path."""

    name: str
    title: str
    caption: str
    draw: Callable[[Path], Path]

    @property
    def file(self) -> str:
        return f"{self.name}.png"


Part = Table | Figure


@dataclass(frozen=True)
class Fold:
    """Parts that are hidden until a reader opens them."""

    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Page:
    """The contents of a report in reading order.

    `warnings` come before any number, `terms` are names with their meanings, `facts` are pairs of a name and a value at
    the end. The files of `shown` and `last` lie beside the page, those of `folds` in its folder `more`.
    """

    title: str
    summary: str
    shown: tuple[Part, ...]
    folds: tuple[Fold, ...]
    last: Table
    warnings: tuple[str, ...] = ()
    terms: tuple[tuple[str, str], ...] = ()
    facts: tuple[tuple[str, str], ...] = ()

    def folded(self) -> tuple[Part, ...]:
        return tuple(part for fold in self.folds for part in fold.parts)
