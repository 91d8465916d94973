"""`codecgrid run`: runs an experiment to its end, resuming an earlier run, and makes its report."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from grid.core.errors import RequestError
from tasks.console import CELLS_FAILED, Address, AsJson, Config, Root, err, print_json, single, stopped

if TYPE_CHECKING:
    from cluster.driver import RunResult
    from grid.core.store import Store
    from grid.experiment.grid import Grid
    from grid.report.make import MadeReport


@dataclass(frozen=True)
class RunOutcome:
    """The result of a run that was not interrupted, and its report."""

    result: RunResult
    report: MadeReport

    @property
    def ok(self) -> bool:
        return self.result.ok and not self.report.faults


def run(
    config: Config,
    root: Root = None,
    address: Address = "local",
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="run what open faults of the preflight do not concern")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run what is not done yet of an experiment; running again resumes."""
    outcome = run_and_report(config, root, address, keep_going=keep_going)
    if as_json:
        from tasks.status import summary

        faults = [{"part": fault.part, "error": fault.error} for fault in outcome.report.faults]
        print_json(summary(outcome.result.states) | ({"report_failures": faults} if faults else {}))
    sys.exit(0 if outcome.ok else CELLS_FAILED)


def run_and_report(
    config: str, root: str | None, address: str, *, only: frozenset[str] | None = None, keep_going: bool = False
) -> RunOutcome:
    """Runs an experiment, or the cells `only`, and makes its report; with progress and failures on the terminal."""
    from cluster.driver import run_experiment
    from cluster.tracking.mirror import Mirror
    from tasks.open_experiment import open_store
    from tasks.progress import TerminalProgress
    from tasks.report import print_faults

    _, store = open_store(config, root)
    try:
        with TerminalProgress(err) as listener:
            result = run_experiment(config, store, address=address, listener=listener, only=only, keep_going=keep_going)
    except KeyboardInterrupt as error:  # typer would end with 130 and no message
        stopped(error)
    for note in result.notes:
        err.print(f"MLflow was not written: {note}. When it is back: codecgrid sync {config}", markup=False)
    report = _report(result.grid, store)
    if not result.notes:
        Mirror(result.grid.experiment, result.grid.cells, store).sync()  # the report is an artifact of the grid's run
    counts = ", ".join(f"{count} {status}" for status, count in sorted(result.counts().items()))
    where = f"; report: {report.page}" if report.page else ""
    err.print(f"{len(result.states)} cells: {counts}{where}", highlight=False, soft_wrap=True)
    for state in result.states:
        if state.status != "done":
            job = state.job
            err.print(
                f"  {state.status}: {job.cell_id} {job.detector} {job.selection} {job.policy} seed {job.seed}: "
                f"{state.error} {state.log}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
    if report.faults:
        print_faults(report, ["codecgrid", "report", config, *(["--root", root] if root else [])])
    return RunOutcome(result, report)


def _report(grid: Grid, store: Store) -> MadeReport:
    """The report of a run; a RequestError becomes a fault of the report, because the run itself has ended."""
    from grid.report.faults import Fault
    from grid.report.make import MadeReport, make_report
    from tasks.report import from_store

    try:
        return make_report(grid, store, partial(from_store, store))
    except RequestError as error:
        return MadeReport(None, (Fault.of("the report", error),))


if __name__ == "__main__":
    single(run)
