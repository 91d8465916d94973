"""Writes the folder of a report: every table and figure as files, and two pages (Markdown, HTML) with all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from grid.analysis.results import GridResults
from grid.report.about import About
from grid.report.contents import NO_CELLS, outline
from grid.report.faults import Fault, attempt
from grid.report.page import FOLDED, Figure, Part
from grid.report.writers.csv import to_csv
from grid.report.writers.html import to_html_page
from grid.report.writers.latex import to_latex
from grid.report.writers.markdown import to_markdown, to_markdown_page

WRITERS = {"md": to_markdown, "csv": to_csv, "tex": to_latex}
NO_FACTS = About()


def assemble(
    results: GridResults, out_dir: Path, about: About = NO_FACTS, faults: list[Fault] | None = None
) -> list[Path]:
    """Writes every table as .md, .csv and .tex, every figure as .png, and index.md and index.html with all of them.

    The files of folded parts go to the folder `more`. Returns the files in the order written. Equal arguments give
    equal bytes. Files of an earlier report are overwritten; other files in `out_dir` are left unchanged.

    A part that cannot be made or written is added to `faults` and leaves no file, and the rest is written. The pages
    list these faults and those passed in. Without `faults` the first error is raised.
    """
    page, files = outline(results, about, faults), _Files([], faults)
    shown, last = files.of_parts(page.shown, out_dir), files.of_parts((page.last,), out_dir)
    folds = [replace(fold, parts=files.of_parts(fold.parts, out_dir / FOLDED)) for fold in page.folds]
    sentences = tuple(f"{fault.sentence}." for fault in faults or ())
    page = replace(
        page,
        shown=shown,
        folds=tuple(fold for fold in folds if fold.parts),
        last=page.last if last else NO_CELLS,
        warnings=(*sentences, *page.warnings),
    )
    files.write(out_dir / "index.md", partial(to_markdown_page, page))
    files.write(out_dir / "index.html", partial(to_html_page, page, out_dir))
    return files.written


@dataclass(frozen=True)
class _Files:
    """The files written so far, and the faults of those that could not be written (None: errors are raised)."""

    written: list[Path]
    faults: list[Fault] | None

    def of_parts(self, parts: Iterable[Part], folder: Path) -> tuple[Part, ...]:
        """Writes the files of `parts`; returns the parts whose files were all written."""
        folder.mkdir(parents=True, exist_ok=True)
        return tuple([part for part in parts if self._of_part(part, folder)])

    def _of_part(self, part: Part, folder: Path) -> bool:
        if isinstance(part, Figure):
            return self._keep(folder / part.file, part.draw)
        written = [self.write(folder / f"{part.name}.{suffix}", partial(to, part)) for suffix, to in WRITERS.items()]
        return all(written)

    def write(self, path: Path, text: Callable[[], str]) -> bool:
        """Writes a text; False when it cannot be made or written."""
        return self._keep(path, lambda to: to.write_bytes(text().encode("utf-8")))

    def _keep(self, path: Path, write: Callable[[Path], object]) -> bool:
        """Whether `write` wrote the file; if it did not, the file of an earlier report is removed."""
        before = len(self.faults or ())
        attempt(f"file {path.name}", partial(write, path), None, self.faults)
        if len(self.faults or ()) == before:
            self.written.append(path)
            return True
        if path.is_file():
            path.unlink()
        return False
