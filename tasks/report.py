"""`codecgrid report`: makes the tables and figures of an experiment from the results in MLflow or in the store.

With `--published` it prints one table of a paper as published, without an experiment.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from grid.core.errors import RequestError
from tasks.console import CELLS_FAILED, CONFIG_HELP, AsJson, Root, err, experiment_file, out, print_json, single

if TYPE_CHECKING:
    from grid.analysis.results import GridResults
    from grid.core.store import Store
    from grid.experiment.grid import Grid
    from grid.report.make import MadeReport


PUBLISHED = (
    *("cdd-table-3", "cdd-table-4", "cdd-table-5"),
    *("codecfake-table-2", "codecfake-figure-2", "codecfake-table-3"),
    *(f"codecfake-plus-{part}" for part in ("table-4", "figure-5", "figure-6", "table-5", "table-5-footnote")),
    *(f"codecfake-plus-{part}" for part in ("section-7-c-1", "table-6", "figure-7", "table-7", "table-8")),
)
"""The published tables, for the help alone: their modules are imported when one is asked for."""


class ResultSource(StrEnum):
    """Where the results are read."""

    mlflow = "mlflow"
    store = "store"


def report(
    config: Annotated[str | None, typer.Argument(metavar="CONFIG", help=CONFIG_HELP, callback=experiment_file)] = None,
    root: Root = None,
    source: Annotated[
        ResultSource, typer.Option("--from", help="where to read the numbers; both give the same")
    ] = ResultSource.mlflow,
    folder: Annotated[str | None, typer.Option("--out", help="where to write  [default: ROOT/reports/NAME]")] = None,
    published: Annotated[
        str | None,
        typer.Option(
            "--published",
            metavar="NAME",
            help=f"print one table of a paper as published, without CONFIG: {', '.join(PUBLISHED)}",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the tables and figures of an experiment, or print a published table."""
    if published is not None:
        if config is not None:
            raise RequestError("--published prints a table of a paper without an experiment; leave out CONFIG")
        print_published(published, as_json)
        return
    if config is None:
        raise RequestError("give CONFIG, the experiment file, or --published NAME for a table of a paper")
    if as_json:
        raise RequestError("--json is for --published; a report has its numbers in CSV files")
    from grid.report.make import make_report
    from tasks.open_experiment import open_grid
    from tasks.places import require_folder

    if folder is not None:
        require_folder(folder, "--out")
    grid, store = open_grid(config, root)
    read = from_mlflow if source is ResultSource.mlflow else from_store
    result = make_report(grid, store, partial(read, store), folder)
    if result.page:
        out.print(result.page, highlight=False, soft_wrap=True)
    if result.faults:
        options = {"--root": root, "--from": source.value, "--out": folder}
        arguments = [word for name, value in options.items() if value for word in (name, value)]
        print_faults(result, ["codecgrid", "report", config, *arguments])
        sys.exit(CELLS_FAILED)


def print_published(name: str, as_json: bool) -> None:
    """Prints a published table, in the layout of its paper or, as JSON, in the rows of its file."""
    from grid.report.papers.shared.published_tables import published_rows, published_table
    from grid.report.writers.terminal import to_rich

    shown = published_table(name)
    if as_json:
        notes = [note.text for note in shown.notes]
        texts = {"name": name, "title": shown.title, "caption": shown.caption, "notes": notes}
        print_json({**texts, "rows": published_rows(name)})
        return
    out.print(to_rich(shown))


def print_faults(result: MadeReport, command: Sequence[str]) -> None:
    """Prints the missing parts of a report with their reasons, and the command that makes it again."""
    err.print("[bold red]error:[/] the report is not complete; the cells and their scores are safe")
    for fault in result.faults:
        err.print(f"  {fault.sentence}", markup=False, highlight=False, soft_wrap=True)
    if result.traces:
        err.print(f"tracebacks: {result.traces}", markup=False, highlight=False, soft_wrap=True)
    err.print(f"to make it again: {shlex.join(command)}", markup=False, highlight=False, soft_wrap=True)


def from_store(store: Store, grid: Grid) -> GridResults:
    """The results of a grid, from its store."""
    from grid.analysis.results import results_from_store

    return results_from_store(store, grid.experiment, grid.cells)


def from_mlflow(store: Store, grid: Grid) -> GridResults:
    """The results of a grid, from MLflow; from the store, with a message, where MLflow cannot be read."""
    from cluster.tracking.client import TrackingError, tracking_uri
    from cluster.tracking.results import results_from_mlflow

    try:
        return results_from_mlflow(grid.experiment, grid.cells, tracking_uri(grid.experiment, store))
    except TrackingError as error:
        err.print(f"{error} The report is made from the store instead.", markup=False, highlight=False)
        return from_store(store, grid)


if __name__ == "__main__":
    single(report)
