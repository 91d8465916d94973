"""`codecgrid plan`: prints what a run would do with each cell, and why. Starts nothing, writes nothing."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from tasks.console import AsJson, Config, Root, out, print_json, single, table

if TYPE_CHECKING:
    from rich.table import Table

    from grid.cells.gangs import PlannedGang

GAP, LEAST_ACTION = 2, 7
"""The gap between two columns of a table in characters, and the least width of an action with its reason."""


def plan(config: Config, root: Root = None, as_json: AsJson = False) -> None:
    """Show the cells of an experiment and what a run would do with each."""
    from grid.cells.gangs import planned_gangs
    from grid.cells.status import planned_action
    from tasks.open_experiment import open_grid

    grid, store = open_grid(config, root)
    rows: list[dict[str, Any]] = []
    to_run = []
    for job in grid.cells:
        action, reason = planned_action(store, job)
        if action != "skip":
            to_run.append(job)
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
    gangs = planned_gangs(to_run, grid.experiment.resources.cells_per_gang, grid.renditions)
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
    """Prints one table for each detector; with its name as title the rows fit in 80 columns."""
    from collections import Counter

    out.print(f"{len(rows)} cells", highlight=False)
    for detector, cells in groupby(rows, key=itemgetter("detector")):
        out.print()
        out.print(_table_of(detector, list(cells)))
    out.print()
    counts = Counter(row["action"] for row in rows)
    out.print(", ".join(f"{count} to {action}" for action, count in sorted(counts.items())))


def _table_of(detector: str, cells: list[dict[str, Any]]) -> Table:
    shown = table("cell", "selection", "policy", "seed", "action", title=f"detector {detector}")
    for row in cells:
        action, reason = row["action"], row["reason"]
        text = action if reason in ("new", "done") else f"{action}: {reason}"
        shown.add_row(row["cell_id"], row["selection"], row["policy"], str(row["seed"]), text)
    *names, actions = [max(len(str(text)) for text in (column.header, *column.cells)) for column in shown.columns]
    if sum(names) + len(names) * GAP + min(actions, LEAST_ACTION) <= out.width:  # else all columns shrink
        for column, width in zip(shown.columns, names, strict=False):
            column.width = width
    return shown


if __name__ == "__main__":
    single(plan)
