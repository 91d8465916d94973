"""`codecgrid report`: the tables and figures of an experiment, from MLflow or from the store."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grid.errors import RequestError
from tasks.console import Config, Root, err, out, single

if TYPE_CHECKING:
    from grid.config.experiment import Experiment
    from grid.experiment import Grid
    from grid.report.data import GridResults
    from grid.store import Store


class Source(StrEnum):
    """Where the numbers are read."""

    mlflow = "mlflow"
    store = "store"


def report(
    config: Config,
    root: Root = None,
    source: Annotated[Source, typer.Option("--from", help="where to read the numbers; both give the same")] = (
        Source.mlflow
    ),
    folder: Annotated[str | None, typer.Option("--out", help="where to write  [default: ROOT/reports/NAME]")] = None,
) -> None:
    """Make the tables and figures of an experiment."""
    from tasks.opening import open_grid

    grid, store = open_grid(config, root)
    out.print(make_report(grid, store, source=source.value, folder=folder), highlight=False, soft_wrap=True)


def make_report(grid: Grid, store: Store, *, source: str, folder: str | None = None) -> str:
    """Writes the report and gives the path of its first page."""
    from grid.artefact_results import read_artefacts
    from grid.mos_results import read_mos
    from grid.record import provenance
    from grid.report.about import describe
    from grid.report.assemble import assemble
    from grid.shortcuts import measure_shortcuts
    from grid.significance import significance

    target = Path(folder) if folder else _default_folder(grid, store)
    made = provenance()
    about = describe(grid.experiment, command=shlex.join(made.command), commit=made.commit)
    tested = [folder for cell in grid.cells for folder in cell.scored]
    threshold, rated = read_mos(store, grid.experiment, tested)
    results = replace(
        _results(grid, store, source),
        compared=tuple(_compared(grid.experiment, store, source)),
        artefacts=read_artefacts(store, grid),
        significance=significance(store, grid),
        shortcuts=measure_shortcuts(store, grid.experiment, tested),
        mos=rated,
        mos_threshold=threshold,
    )
    assemble(results, target, about)
    return str(target / "index.html")


def _default_folder(grid: Grid, store: Store) -> Path:
    name = f"reports/{grid.experiment.name}"
    return Path(store.uri(name)) if store.is_local else Path("results") / name


def _compared(experiment: Experiment, store: Store, source: str) -> Iterator[GridResults]:
    """The results of the experiments to compare with, from the same places; none, with the reason, of one not run."""
    from grid.experiment import load_experiment, resolve
    from grid.experiment_record import read_experiment
    from grid.report.data import GridResults

    for path in experiment.compare:
        config = experiment.folder / path
        other, _ = load_experiment(config)
        try:
            read_experiment(store, other.name)
            grid = resolve(config, store)
        except RequestError as error:
            yield GridResults(other.name, (), trouble=str(error))
        else:
            yield _results(grid, store, source)


def _results(grid: Grid, store: Store, source: str) -> GridResults:
    from grid.results import results_from_store

    if source == "mlflow":
        from cluster.tracking.address import tracking_uri
        from cluster.tracking.client import TrackingError
        from cluster.tracking.results import results_from_mlflow

        try:
            return results_from_mlflow(grid.experiment, grid.cells, tracking_uri(grid.experiment, store))
        except TrackingError as error:
            err.print(f"{error} The report is made from the store instead.", markup=False, highlight=False)
    return results_from_store(store, grid.experiment, grid.cells)


if __name__ == "__main__":
    single(report)
