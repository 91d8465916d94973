"""Owns the folder of a report: every table and figure as files, and the two pages that show them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from grid.report.about import About
from grid.report.data import GridResults
from grid.report.outline import outline
from grid.report.page import FOLDED, Figure, Part
from grid.report.writers.csv import to_csv
from grid.report.writers.html_page import to_html_page
from grid.report.writers.latex import to_latex
from grid.report.writers.markdown import to_markdown
from grid.report.writers.markdown_page import to_markdown_page

WRITERS = {"md": to_markdown, "csv": to_csv, "tex": to_latex}
NOTHING_MORE = About()


def assemble(results: GridResults, out_dir: Path, about: About = NOTHING_MORE) -> list[Path]:
    """Writes every table as .md, .csv and .tex, every figure as .png, and index.md and index.html with all of them.

    What the pages fold away goes to the folder `more`. Returns the files in the order written. Equal arguments give
    equal bytes. Files of an earlier report are overwritten and others in `out_dir` are left alone.
    """
    page = outline(results, about)
    written = _write_parts((*page.shown, page.last), out_dir)
    written += _write_parts(page.folded(), out_dir / FOLDED)
    written.append(_write(out_dir / "index.md", to_markdown_page(page)))
    written.append(_write(out_dir / "index.html", to_html_page(page, out_dir)))
    return written


def _write_parts(parts: Iterable[Part], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for part in parts:
        if isinstance(part, Figure):
            written.append(part.draw(folder / part.file))
        else:
            written += [_write(folder / f"{part.name}.{suffix}", write(part)) for suffix, write in WRITERS.items()]
    return written


def _write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("utf-8"))
    return path
