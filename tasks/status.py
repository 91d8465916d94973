"""`codecgrid status`: how far an experiment is, as `codecgrid watch` shows it; and its failures by kind."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from tasks.console import AsJson, Config, Root, out, print_json, single
from tasks.progress_lines import SHOWN, described, progress_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grid.cells.status import CellState

OUT_OF_MEMORY = ("OutOfMemoryError", "MemoryError")
"""How the errors of a full GPU (torch) and of a full machine begin."""
MORE_MEMORY = (
    "  out of memory: give each cell more of the GPU (resources: gpus_per_cell), train fewer around one encoder "
    "(cells_per_gang), or use a larger GPU (accelerator). The batch is never halved for you: batch norm and dropout "
    "would give other numbers, so the recipe's `batch_size` and `batches_per_step` are part of a cell's id"
)


def status(config: Config, root: Root = None, as_json: AsJson = False) -> None:
    """Show how far an experiment is, and why cells failed."""
    from grid.experiment.progress import ProgressReader
    from tasks.open_experiment import open_grid, open_states

    if as_json:
        _, _, states = open_states(config, root)
        print_json(summary(states))
        return
    grid, store = open_grid(config, root)
    progress = ProgressReader(store, grid).read(SHOWN)
    for line in progress_lines(progress):
        out.print(line, markup=False, highlight=False, soft_wrap=True)
    print_failures(progress.states, config, root)


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
        if any(state.error.startswith(OUT_OF_MEMORY) for state in of_kind):
            out.print(MORE_MEMORY, markup=False, highlight=False, soft_wrap=True)
    if failed:
        where = shlex.join(["--root", root]) if root else ""
        out.print(f"\ntraceback of one: codecgrid logs {failed[0].job.cell_id} {where}".rstrip(), highlight=False)
        out.print(f"try these again:  codecgrid retry {shlex.quote(config)} {where}".rstrip(), highlight=False)


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
