"""`codecgrid audit`: what the files of corpora are like, and what tells their classes apart without a detector."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from tasks.console import AsJson, err, out, print_json, single

if TYPE_CHECKING:
    from rich.status import Status

    from grid.corpus.audit.results import Audit


def audit(
    corpora: Annotated[list[str], typer.Argument(metavar="CORPUS...", help="imported corpora; several are pooled")],
    root: Annotated[str, typer.Option(help="where results live")] = "results",
    as_json: AsJson = False,
) -> None:
    """Measure each file of corpora once, and show what tells bona fide from spoof without a detector.

    For each class and split: sampling rates, duration, level, silence, bandwidth, clipping, with the EER of each alone,
    and what audio and speakers are in more than one split. The reports of experiments show it too.
    """
    from grid.corpus.audit.compute import audit
    from grid.corpus.audit.stored import audited_corpus, measure_stored
    from grid.report.tables.audit import groups_table, separation_table
    from grid.report.writers.terminal import to_rich
    from tasks.places import open_root

    store = open_root(root)
    with err.status("measuring") as status:
        for name in dict.fromkeys(corpora):
            measure_stored(store, name, say=partial(_say, status, name))
    found = audit([audited_corpus(store, name) for name in dict.fromkeys(corpora)])
    if as_json:
        print_json({**asdict(found), "warnings": found.warnings()})
        return
    for table in (groups_table(found), separation_table(found, quartiles=False)):
        out.print(to_rich(table))
        out.print()
    print_warnings(found)


def print_warnings(found: Audit) -> None:
    """Prints each warning of an audit on one line."""
    for text in found.warnings():
        out.print("[bold yellow]warning:[/] ", end="")
        out.print(text, markup=False, highlight=False, soft_wrap=True)


def _say(status: Status, name: str, done: int, of: int) -> None:
    status.update(f"measuring {name}: {done:,} of {of:,} files")


if __name__ == "__main__":
    single(audit)
