"""`codecgrid plan`: what a run would do with each cell, and why. Starts nothing, writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.console import AsJson, Config, Root, out, print_json, single, table

if TYPE_CHECKING:
    from grid.gang_plan import PlannedGang


def plan(config: Config, root: Root = None, as_json: AsJson = False) -> None:
    """Show the cells of an experiment and what a run would do with each."""
    from grid.gang_plan import planned_gangs
    from grid.status import planned_action
    from tasks.opening import open_grid

    grid, store = open_grid(config, root)
    rows: list[dict[str, Any]] = []
    waiting = []
    for job in grid.cells:
        action, reason = planned_action(store, job)
        if action != "skip":
            waiting.append(job)
        rows.append(
            {
                "cell_id": job.cell_id,
                "selection": job.selection,
                "policy": job.policy,
                "detector": job.detector,
                "seed": job.seed,
                "action": action,
                "reason": reason,
            }
        )
    gangs = planned_gangs(grid, waiting)
    if as_json:
        print_json({"cells": rows, "gangs": [vars(gang) for gang in gangs]})
        return
    _show(rows)
    for gang in gangs:
        _show_gang(gang)


def _show_gang(gang: PlannedGang) -> None:
    out.print(f"gang of {len(gang.cells)} cells around one frozen encoder ({gang.cells[0]} ...):", highlight=False)
    out.print(
        f"  {gang.passes:,.0f} encoder passes an epoch instead of {gang.separate:,.0f}: "
        f"1/{gang.separate / gang.passes:.1f}",
        highlight=False,
    )


def _show(rows: list[dict[str, Any]]) -> None:
    from collections import Counter

    shown = table("cell", "selection", "policy", "detector", "seed", "action", title=f"{len(rows)} cells")
    for row in rows:
        *names, action, reason = (str(value) for value in row.values())
        shown.add_row(*names, action if reason in ("new", "done") else f"{action}: {reason}")
    out.print(shown)
    counts = Counter(row["action"] for row in rows)
    out.print(", ".join(f"{count} to {action}" for action, count in sorted(counts.items())))


if __name__ == "__main__":
    single(plan)
