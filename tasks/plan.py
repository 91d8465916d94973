"""`codecgrid plan`: prints what a run would do with each cell, and why. Starts nothing, writes nothing."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from tasks.console import AsJson, Config, Root, out, print_json, single, table

if TYPE_CHECKING:
    from grid.cells.gangs import PlannedGang

GAP, LEAST_ACTION = 2, 7
"""The gap between two columns of a table in characters, and the least width of an action with its reason."""


def plan(config: Config, root: Root = None, as_json: AsJson = False) -> None:
    """Show the cells of an experiment and what a run would do with each."""
    from grid.cells.gangs import planned_gangs
    from grid.cells.status import listed_cells, planned_action
    from tasks.open_experiment import open_grid

    grid, store = open_grid(config, root)
    listed = listed_cells(store, grid.cells)
    rows: list[dict[str, Any]] = []
    to_run = []
    for job in grid.cells:
        action, reason = planned_action(listed, job)
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
        _print_cells(detector, list(cells))
    out.print()
    counts = Counter(row["action"] for row in rows)
    out.print(", ".join(f"{count} to {action}" for action, count in sorted(counts.items())))


def _print_cells(detector: str, cells: list[dict[str, Any]]) -> None:
    rows = [("cell", "selection", "policy", "seed", "action")]
    for row in cells:
        action, reason = row["action"], row["reason"]
        text = action if reason in ("new", "done") else f"{action}: {reason}"
        rows.append((row["cell_id"], row["selection"], row["policy"], str(row["seed"]), text))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    *names, actions = widths
    between = len(names) * GAP
    if sum(widths) + between <= out.width:  # thousands of rows: rich takes half a millisecond for each
        title, heading, *lines = [f"detector {detector}", *(_line(row, widths) for row in rows)]
        out.print(title, style="italic", highlight=False)
        out.print(heading, style="bold", highlight=False)
        out.file.write("".join(f"{line}\n" for line in lines))
        return
    shown = table(*rows[0], title=f"detector {detector}")
    for texts in rows[1:]:
        shown.add_row(*texts)
    if sum(names) + between + min(actions, LEAST_ACTION) <= out.width:  # else all columns shrink
        for column, width in zip(shown.columns, names, strict=False):
            column.width = width
    out.print(shown)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    return (" " * GAP).join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


if __name__ == "__main__":
    single(plan)
