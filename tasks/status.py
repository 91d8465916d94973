"""`codecgrid status`: prints how many cells are done, failed, running and to do, and why cells failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.console import AsJson, Config, Root, out, print_json, single

if TYPE_CHECKING:
    from grid.cells.status import CellState


def status(config: Config, root: Root = None, as_json: AsJson = False) -> None:
    """Show how far an experiment is."""
    from tasks.open_experiment import open_states

    _, _, states = open_states(config, root)
    if as_json:
        print_json(summary(states))
        return
    counts = summary(states)
    out.print(", ".join(f"{counts[name]} {name}" for name in ("done", "failed", "running", "todo")), highlight=False)
    for state in states:
        job = state.job
        where = f"{job.cell_id} {job.detector} {job.selection} {job.policy} seed {job.seed}"
        if state.status == "running":
            out.print(f"  running: {where}, {len(state.epochs)} of {job.recipe.epochs} epochs", highlight=False)
        if state.status == "failed":
            out.print(f"  failed: {where}: {state.error}\n    {state.log}", markup=False, highlight=False)


def summary(states: list[CellState]) -> dict[str, Any]:
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
            "log": state.log,
        }
        for state in states
        if state.status == "failed"
    ]
    return {**counts, "todo": len(states) - sum(counts.values()), "failures": failures}


if __name__ == "__main__":
    single(status)
