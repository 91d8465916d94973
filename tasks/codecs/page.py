"""`codecgrid codecs page PATH`: writes the catalogue as a Markdown page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tasks.console import out
from tasks.places import require_writable


def page(path: Annotated[Path, typer.Argument(help="where the page goes, such as results/tables/codecs.md")]) -> None:
    """Write a page with all codecs: letters, taxonomy, rates, licences, environments, and what was verified."""
    from grid.codecs.catalogue import load_catalogue
    from grid.core.atomic_write import replacing
    from grid.report.codecs_page import codecs_page

    require_writable(path, "PATH")
    catalogue = load_catalogue()
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        Path(temporary).write_text(codecs_page(list(catalogue)), encoding="utf-8")
    out.print(f"{path}: {len(catalogue)} codecs", highlight=False)
