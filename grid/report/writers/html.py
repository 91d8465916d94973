"""The report as one HTML page, from the templates in `templates/`; Jinja2 escapes every text in it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from grid.report.page import FOLDED, Figure, Page, Part

TEMPLATES = Path(__file__).with_name("templates")
STATES = ("failed", "missing", "running")
"""The states that a cell shows in place of a number; the style sheet gives them a style of their own."""
REST = "further-tables"
"""The anchor of the folded parts."""

# 8 pt at the 200 dots per inch of figures are 22 dots; the text of the page has 15 pixels
SCALE = 0.65
PNG_WIDTH = slice(16, 20)
"""The bytes of the width in a PNG file: big-endian, in the first chunk (ISO/IEC 15948, 11.2.2)."""


@dataclass(frozen=True)
class Picture:
    """A PNG embedded in a page; `width` is in CSS pixels and makes its type as large as that of the page."""

    base64: str
    width: int


def to_html_page(page: Page, folder: Path) -> str:
    """A self-contained page with the pictures in `folder` embedded; it follows the reader's light or dark mode."""
    return (
        _environment()
        .get_template("page.html")
        .render(page=page, folder=folder, folded=FOLDED, rest=REST, links=_links(page), states=STATES)
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    environment.tests["picture"] = lambda part: isinstance(part, Figure)
    environment.globals |= {"anchor": _anchor, "read_picture": _read_picture}
    return environment


def _links(page: Page) -> list[tuple[str, str]]:
    """The titles of the parts with their anchors; for equal titles the first part."""
    links: dict[str, str] = {}
    for part in page.shown:
        links.setdefault(part.title, _anchor(part))
    if page.folds:
        links["Further tables and figures"] = REST
    links[page.last.title] = page.last.name
    return list(links.items())


def _anchor(part: Part) -> str:
    return f"figure-{part.name}" if isinstance(part, Figure) else part.name


def _read_picture(part: Figure, folder: Path) -> Picture:
    png = (folder / part.file).read_bytes()
    return Picture(base64.b64encode(png).decode("ascii"), round(SCALE * int.from_bytes(png[PNG_WIDTH], "big")))
