"""Owns index.html: the page of a report in a single file, its pictures inside."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path

from grid.report.page import FOLDED, Figure, Fold, Page, Part
from grid.report.writers.html import to_html
from grid.report.writers.page_style import PAGE_STYLE

REST = "further-tables"
# 8 pt at the figures' 200 dots per inch are 22 dots; the text beside them has 15 pixels
SCALE = 0.65
PNG_WIDTH = slice(16, 20)
"""Where a PNG file says how wide it is: big-endian, in the first chunk (ISO/IEC 15948, 11.2.2)."""


def to_html_page(page: Page, folder: Path) -> str:
    """A page that needs no other file: pictures are read from `folder`; it follows the reader's light or dark mode."""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(page.title)}</title>\n'
        f"<style>{PAGE_STYLE}</style>\n</head>\n<body>\n{_head(page)}"
        + "".join(_part(part, folder) for part in page.shown)
        + _folds(page.folds, folder / FOLDED)
        + to_html(page.last)
        + _footer(page)
        + "</body>\n</html>\n"
    )


def _head(page: Page) -> str:
    warnings = "".join(f"<p>{escape(text)}</p>" for text in page.warnings)
    terms = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in page.terms)
    return (
        f"<h1>{escape(page.title)}</h1>\n"
        + (f'<div class="warning">{warnings}</div>\n' if warnings else "")
        + f"<p>{escape(page.summary)}</p>\n"
        + (f"<dl>{terms}</dl>\n" if terms else "")
        + _links(page)
    )


def _links(page: Page) -> str:
    found: dict[str, str] = {}
    for part in page.shown:
        found.setdefault(part.title, _anchor(part))
    if page.folds:
        found["Further tables and figures"] = REST
    found[page.last.title] = page.last.name
    links = "".join(f'<li><a href="#{escape(name)}">{escape(title)}</a></li>' for title, name in found.items())
    return f"<nav><ul>{links}</ul></nav>\n"


def _folds(folds: tuple[Fold, ...], folder: Path) -> str:
    if not folds:
        return ""
    inside = "".join(
        f"<details><summary>{escape(fold.title)}</summary>\n"
        + "".join(_part(part, folder) for part in fold.parts)
        + "</details>\n"
        for fold in folds
    )
    return f'<section id="{REST}">\n<h2>Further tables and figures</h2>\n{inside}</section>\n'


def _part(part: Part, folder: Path) -> str:
    if not isinstance(part, Figure):
        return to_html(part)
    picture = (folder / part.file).read_bytes()
    data = base64.b64encode(picture).decode("ascii")
    return (
        f'<figure id="{escape(_anchor(part))}">\n'
        f'<img alt="{escape(part.title)}" width="{_width(picture)}" src="data:image/png;base64,{data}">\n'
        f"<figcaption><b>{escape(part.title)}.</b> {escape(part.caption)}</figcaption>\n</figure>\n"
    )


def _width(png: bytes) -> int:
    """The width in CSS pixels at which the letters of a picture are as large as those of the page."""
    return round(SCALE * int.from_bytes(png[PNG_WIDTH], "big"))


def _anchor(part: Part) -> str:
    return f"figure-{part.name}" if isinstance(part, Figure) else part.name


def _footer(page: Page) -> str:
    facts = "".join(f"<dt>{escape(word)}</dt><dd><code>{escape(value)}</code></dd>" for word, value in page.facts)
    return f"<footer><dl>{facts}</dl></footer>\n"
