"""The report as one HTML page, from the templates in `templates/`; every name in it is escaped by Jinja2."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from grid.report.page import FOLDED, Figure, Page, Part
from grid.report.table import Table

TEMPLATES = Path(__file__).with_name("templates")
STATES = ("failed", "missing", "running")
"""Words in a cell that say why there is no number; the style sheet sets them apart."""
REST = "further-tables"

# 8 pt at the figures' 200 dots per inch are 22 dots; the text beside them has 15 pixels
SCALE = 0.65
PNG_WIDTH = slice(16, 20)
"""Where a PNG file says how wide it is: big-endian, in the first chunk (ISO/IEC 15948, 11.2.2)."""


@dataclass(frozen=True)
class Picture:
    """A PNG as it stands in a page; `width` in CSS pixels makes its letters as large as those of the page."""

    base64: str
    width: int


def to_html(table: Table) -> str:
    """`table` as a `<section>` that can be linked to by its name."""
    found: str = _environment().get_template("table.html").make_module({"states": STATES}).section(table)  # type: ignore[attr-defined]
    return found


def to_html_page(page: Page, folder: Path) -> str:
    """A page that needs no other file: pictures are read from `folder`; it follows the reader's light or dark mode."""
    return (
        _environment()
        .get_template("page.html")
        .render(page=page, folder=folder, folded=FOLDED, rest=REST, links=_links(page), states=STATES)
    )


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    made.tests["picture"] = lambda part: isinstance(part, Figure)
    made.globals |= {"anchor": _anchor, "read_picture": _read_picture}
    return made


def _links(page: Page) -> list[tuple[str, str]]:
    """The titles of the parts and where they lead; of parts of one title the first."""
    found: dict[str, str] = {}
    for part in page.shown:
        found.setdefault(part.title, _anchor(part))
    if page.folds:
        found["Further tables and figures"] = REST
    found[page.last.title] = page.last.name
    return list(found.items())


def _anchor(part: Part) -> str:
    return f"figure-{part.name}" if isinstance(part, Figure) else part.name


def _read_picture(part: Figure, folder: Path) -> Picture:
    png = (folder / part.file).read_bytes()
    return Picture(base64.b64encode(png).decode("ascii"), round(SCALE * int.from_bytes(png[PNG_WIDTH], "big")))
