"""`codecgrid report`: makes the tables and figures of an experiment from the results in MLflow or in the store."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from tasks.console import CELLS_FAILED, Config, Root, err, out, single

if TYPE_CHECKING:
    from grid.analysis.results import GridResults
    from grid.core.store import Store
    from grid.experiment.grid import Grid
    from grid.report.make import MadeReport


class ResultSource(StrEnum):
    """Where the results are read."""

    mlflow = "mlflow"
    store = "store"


def report(
    config: Config,
    root: Root = None,
    source: Annotated[
        ResultSource, typer.Option("--from", help="where to read the numbers; both give the same")
    ] = ResultSource.mlflow,
    folder: Annotated[str | None, typer.Option("--out", help="where to write  [default: ROOT/reports/NAME]")] = None,
) -> None:
    """Make the tables and figures of an experiment."""
    from grid.report.make import make_report
    from tasks.open_experiment import open_grid

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
