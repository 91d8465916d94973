"""`codecgrid retry`: tries failed cells again, all of them or some, and leaves those that never ran."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from grid.core.errors import FAILURE_KINDS, RequestError, unknown_name
from tasks.console import CELLS_FAILED, Address, Config, Root, err

if TYPE_CHECKING:
    from grid.cells.status import CellState


def retry(
    config: Config,
    cells: Annotated[list[str] | None, typer.Argument(metavar="[CELL]...", help="ids  [default: all failed]")] = None,
    kind: Annotated[str | None, typer.Option(help=f"failures of one kind: {', '.join(FAILURE_KINDS)}")] = None,
    why: Annotated[bool, typer.Option("--why", help="only show the cells, their failures and what to do")] = False,
    root: Root = None,
    address: Address = "local",
) -> None:
    """Try failed cells of an experiment again; status as `run`."""
    from tasks.open_experiment import open_states
    from tasks.progress_lines import described
    from tasks.run import run_and_report
    from tasks.status import print_failures

    if kind is not None and kind not in FAILURE_KINDS:
        raise unknown_name("kind of failure", kind, FAILURE_KINDS)
    _, _, states = open_states(config, root)
    again = _chosen(states, cells or [], kind)
    if not again:
        err.print(f"no cell failed{f' for a reason of the kind {kind}' if kind else ''}", highlight=False)
        return
    if why:
        print_failures(again, config, root)
        return
    for state in again:
        err.print(f"again: {described(state.job)}: {state.error}", markup=False, highlight=False, soft_wrap=True)
    outcome = run_and_report(config, root, address, only=frozenset(state.job.cell_id for state in again))
    sys.exit(0 if outcome.ok else CELLS_FAILED)


def _chosen(states: list[CellState], cells: list[str], kind: str | None) -> list[CellState]:
    """The failed cells of this kind among `cells`, or all of the kind; RequestError for a cell that did not fail."""
    status = {state.job.cell_id: state.status for state in states}
    for cell in cells:
        if cell not in status:
            raise unknown_name("cell", cell, status, command="codecgrid plan CONFIG")
        if status[cell] != "failed":
            raise RequestError(f"cell {cell} did not fail: it is {status[cell]}; to run what is left: codecgrid run")
    failed = [state for state in states if state.status == "failed" and (not cells or state.job.cell_id in cells)]
    return [state for state in failed if kind is None or state.kind == kind]
