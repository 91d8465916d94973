"""`codecgrid report`: the tables and figures of an experiment, from MLflow or from the store."""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grid.errors import RequestError
from tasks.console import CELLS_FAILED, Config, Root, err, out, single

if TYPE_CHECKING:
    from grid.config.experiment import Experiment
    from grid.experiment import Grid
    from grid.metrics.mos import SystemMos
    from grid.report.data import GridResults
    from grid.report.faults import Fault
    from grid.store import Store

log = logging.getLogger(__name__)


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
    made = make_report(grid, store, source=source.value, folder=folder)
    if made.page:
        out.print(made.page, highlight=False, soft_wrap=True)
    if made.faults:
        options = {"--root": root, "--from": source.value, "--out": folder}
        given = [word for name, value in options.items() if value for word in (name, value)]
        tell_faults(made, ["codecgrid", "report", config, *given])
        sys.exit(CELLS_FAILED)


@dataclass(frozen=True)
class Report:
    """A report as far as it could be made: its first page, what could not be made, and the file with the tracebacks."""

    page: str | None
    faults: tuple[Fault, ...] = ()
    traces: str | None = None


def tell_faults(report: Report, command: Sequence[str]) -> None:
    """Says what a report lacks, why, and the command that makes it again."""
    err.print("[bold red]error:[/] the report is not complete; the cells and their scores are safe")
    for fault in report.faults:
        err.print(f"  {fault.sentence}", markup=False, highlight=False, soft_wrap=True)
    if report.traces:
        err.print(f"tracebacks: {report.traces}", markup=False, highlight=False, soft_wrap=True)
    err.print(f"to make it again: {shlex.join(command)}", markup=False, highlight=False, soft_wrap=True)


def make_report(grid: Grid, store: Store, *, source: str, folder: str | None = None) -> Report:
    """Writes all of the report that can be made; RequestError when it is asked for what cannot be."""
    from grid.report.faults import Fault

    target = Path(folder) if folder else _default_folder(grid, store)
    faults: list[Fault] = []
    try:
        _write(grid, store, source, target, faults)
    except RequestError:
        raise
    except Exception as error:  # the trainings are done: whatever is wrong with their report, they are told as done
        faults.append(Fault.of("the report", error))
        return Report(None, tuple(faults), _keep_traces(target, faults))
    page = target / "index.html"
    return Report(str(page) if page.is_file() else None, tuple(faults), _keep_traces(target, faults))


def _write(grid: Grid, store: Store, source: str, target: Path, faults: list[Fault]) -> None:
    from grid.artefact_results import read_artefacts
    from grid.effects import effects
    from grid.mos_results import THRESHOLD, read_mos
    from grid.record import provenance
    from grid.report.about import describe
    from grid.report.assemble import assemble
    from grid.report.faults import attempt
    from grid.shortcuts import measure_shortcuts
    from grid.significance import significance

    made = provenance()
    about = describe(grid.experiment, command=shlex.join(made.command), commit=made.commit)
    tested = [folder for cell in grid.cells for folder in cell.scored]
    no_mos: tuple[float, tuple[SystemMos, ...]] = (THRESHOLD, ())
    threshold, rated = attempt("MOS", lambda: read_mos(store, grid.experiment, tested), no_mos, faults)
    compared = [
        attempt(f"the comparison with {path}", partial(_compared, path, grid.experiment, store, source), None, faults)
        for path in grid.experiment.compare
    ]
    results = replace(
        _results(grid, store, source),
        compared=tuple(found for found in compared if found is not None),
        artefacts=attempt("the artefacts", lambda: read_artefacts(store, grid), None, faults),
        significance=attempt("the significance tests", lambda: significance(store, grid), (), faults),
        effects=attempt("the effects of codec attributes", lambda: effects(store, grid), (), faults),
        shortcuts=attempt("the shortcuts", lambda: measure_shortcuts(store, grid.experiment, tested), (), faults),
        mos=rated,
        mos_threshold=threshold,
    )
    assemble(results, target, about, faults)


def _keep_traces(target: Path, faults: Sequence[Fault]) -> str | None:
    """Writes the tracebacks beside the page, or removes those of an earlier report; None where there are none."""
    from grid.report.faults import TRACES, traces

    path = target / TRACES
    try:
        if faults:
            target.mkdir(parents=True, exist_ok=True)
            path.write_text(traces(faults), encoding="utf-8")
            return str(path)
        path.unlink(missing_ok=True)
    except OSError as error:  # a folder that cannot be written is among the faults already
        log.warning("tracebacks were not written: %s", error)
    return None


def _default_folder(grid: Grid, store: Store) -> Path:
    name = f"reports/{grid.experiment.name}"
    return Path(store.uri(name)) if store.is_local else Path("results") / name


def _compared(path: str, experiment: Experiment, store: Store, source: str) -> GridResults:
    """The results of an experiment to compare with, from the same place; none, with the reason, of one not run."""
    from grid.experiment import load_experiment, resolve
    from grid.experiment_record import read_experiment
    from grid.report.data import GridResults

    config = experiment.folder / path
    other, _ = load_experiment(config)
    try:
        read_experiment(store, other.name)
        grid = resolve(config, store)
    except RequestError as error:
        return GridResults(other.name, (), trouble=str(error))
    return _results(grid, store, source)


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
