"""Owns the page of a report, whatever its format: what it shows first, what it folds away, what it says at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grid.report.table import Table

FOLDED = "more"
"""The folder, beside the page, for the files of what is folded away."""


@dataclass(frozen=True)
class Figure:
    """A picture: the name of its file, its title, a sentence that says how to read it, and how to draw it as PNG."""

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
    """Parts that a reader opens by a click."""

    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Page:
    """All of a report in the order in which it is read.

    `warnings` come before any number, `terms` are names with what they mean, `facts` close the page: words and values.
    Pictures of `shown` and `last` lie beside the page, those of `folds` in its folder `more`.
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
