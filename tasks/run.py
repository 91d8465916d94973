"""`codecgrid run`: brings an experiment to its end from wherever it stands, and makes its report."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from grid.core.errors import RequestError
from tasks.console import CELLS_FAILED, Address, AsJson, Config, Root, err, print_json, single, stopped

if TYPE_CHECKING:
    from cluster.driver import RunResult
    from grid.core.store import Store
    from grid.experiment.grid import Grid
    from grid.report.make import MadeReport


@dataclass(frozen=True)
class Ended:
    """A run that came to its end, and its report."""

    result: RunResult
    report: MadeReport

    @property
    def ok(self) -> bool:
        return self.result.ok and not self.report.faults


def run(config: Config, root: Root = None, address: Address = "local", as_json: AsJson = False) -> None:
    """Run what is not done yet of an experiment; running again resumes."""
    ended = carry_out(config, root, address)
    if as_json:
        from tasks.status import summary

        lacking = [{"part": fault.part, "error": fault.error} for fault in ended.report.faults]
        print_json(summary(ended.result.states) | ({"report_failures": lacking} if lacking else {}))
    sys.exit(0 if ended.ok else CELLS_FAILED)


def carry_out(config: str, root: str | None, address: str) -> Ended:
    """A run with its progress and its report on the terminal."""
    from cluster.driver import run_experiment
    from tasks.open_experiment import open_store
    from tasks.progress import TerminalWatcher
    from tasks.report import tell_faults

    _, store = open_store(config, root)
    try:
        with TerminalWatcher(err) as watcher:
            result = run_experiment(config, store, address=address, watcher=watcher)
    except KeyboardInterrupt as error:  # typer would end with 130 and no word
        stopped(error)
    for note in result.notes:
        err.print(f"MLflow was not written: {note}. When it is back: codecgrid sync {config}", markup=False)
    report = _report(result.grid, store)
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
        tell_faults(report, ["codecgrid", "report", config, *(["--root", root] if root else [])])
    return Ended(result, report)


def _report(grid: Grid, store: Store) -> MadeReport:
    """The report of a run, in which nothing can be wrong any more with the request."""
    from grid.report.faults import Fault
    from grid.report.make import MadeReport, make_report
    from tasks.report import from_store

    try:
        return make_report(grid, store, partial(from_store, store))
    except RequestError as error:
        return MadeReport(None, (Fault.of("the report", error),))


if __name__ == "__main__":
    single(run)
