"""`codecgrid status`: how many cells are done, failed, running and to do; failures by kind, with what a rerun does."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from tasks.console import AsJson, Config, Root, out, print_json, single

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grid.cells.job import CellJob
    from grid.cells.status import CellState


def status(config: Config, root: Root = None, as_json: AsJson = False) -> None:
    """Show how far an experiment is, and why cells failed."""
    from tasks.open_experiment import open_states

    _, _, states = open_states(config, root)
    if as_json:
        print_json(summary(states))
        return
    counts = summary(states)
    out.print(", ".join(f"{counts[name]} {name}" for name in ("done", "failed", "running", "todo")), highlight=False)
    for state in states:
        if state.status == "running":
            epochs = f"{len(state.epochs)} of {state.job.recipe.epochs} epochs"
            out.print(f"  running: {described(state.job)}, {epochs}", highlight=False, soft_wrap=True)
    print_failures(states, config, root)


def print_failures(states: Sequence[CellState], config: str, root: str | None) -> None:
    """The failed cells under what kind of failure it was, and the commands that show more and try again."""
    from grid.core.errors import FAILURE_KINDS

    failed = [state for state in states if state.status == "failed"]
    for kind, about in FAILURE_KINDS.items():
        of_kind = [state for state in failed if state.kind == kind]
        if of_kind:
            out.print(f"\n{len(of_kind)} failed, {kind}: {about}", markup=False, highlight=False)
        for state in of_kind:
            out.print(f"  {described(state.job)}: {state.error}", markup=False, highlight=False, soft_wrap=True)
    if failed:
        where = shlex.join(["--root", root]) if root else ""
        out.print(f"\ntraceback of one: codecgrid logs {failed[0].job.cell_id} {where}".rstrip(), highlight=False)
        out.print(f"try these again:  codecgrid retry {shlex.quote(config)} {where}".rstrip(), highlight=False)


def described(job: CellJob) -> str:
    """A cell in words: its id and its place in the grid."""
    return f"{job.cell_id} {job.detector} {job.selection} {job.policy} seed {job.seed}"


def summary(states: Sequence[CellState]) -> dict[str, Any]:
    """The counts and the failures, as `--json` prints them."""
    counts = {name: sum(state.status == name for state in states) for name in ("done", "failed", "running")}
    failures = [
        {
            "cell_id": state.job.cell_id,
            "selection": state.job.selection,
            "policy": state.job.policy,
            "detector": state.job.detector,
            "seed": state.job.seed,
            "error": state.error,
            "kind": state.kind,
            "log": state.log,
        }
        for state in states
        if state.status == "failed"
    ]
    return {**counts, "todo": len(states) - sum(counts.values()), "failures": failures}


if __name__ == "__main__":
    single(status)
