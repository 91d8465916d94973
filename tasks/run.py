"""`codecgrid run`: brings an experiment to its end from wherever it stands, and makes its report."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tasks.console import CELLS_FAILED, Address, AsJson, Config, Root, err, print_json, single, stopped

if TYPE_CHECKING:
    from cluster.driver import RunResult


def run(config: Config, root: Root = None, address: Address = "local", as_json: AsJson = False) -> None:
    """Run what is not done yet of an experiment; running again resumes."""
    result = carry_out(config, root, address)
    if as_json:
        from tasks.status import summary

        print_json(summary(result.states))
    sys.exit(0 if result.ok else CELLS_FAILED)


def carry_out(config: str, root: str | None, address: str) -> RunResult:
    """A run with its progress and its report on the terminal."""
    from cluster.driver import run_experiment
    from tasks.opening import open_store
    from tasks.report import make_report
    from tasks.watching import TerminalWatcher

    _, store = open_store(config, root)
    try:
        with TerminalWatcher(err) as watcher:
            result = run_experiment(config, store, address=address, watcher=watcher)
    except KeyboardInterrupt as error:  # typer would end with 130 and no word
        stopped(error)
    for note in result.notes:
        err.print(f"MLflow was not written: {note}. When it is back: codecgrid sync {config}", markup=False)
    report = make_report(result.grid, store, source="store")
    counts = ", ".join(f"{count} {status}" for status, count in sorted(result.counts().items()))
    err.print(f"{len(result.states)} cells: {counts}; report: {report}", highlight=False, soft_wrap=True)
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
    return result


if __name__ == "__main__":
    single(run)
