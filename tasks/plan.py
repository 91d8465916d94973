"""`codecgrid plan`: prints what a run would do with each cell, and why. Starts nothing, writes nothing."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from tasks.console import AsJson, Config, Root, out, print_json, single, table

if TYPE_CHECKING:
    from grid.cells.gangs import PlannedGang
    from grid.cells.job import CellJob
    from grid.experiment.preflight import Fault
    from grid.experiment.rates import TrainingTime
    from grid.experiment.work import Work

UNKNOWN_ID = "-"
"""In place of an id that depends on a corpus which is missing."""
GAP, LEAST_ACTION = 2, 7
"""The gap between two columns of a table in characters, and the least width of an action with its reason."""


def plan(config: Config, root: Root = None, as_json: AsJson = False) -> None:
    """Show the cells of an experiment, what a run would do with each, what that takes, and what is lacking."""
    from cluster.preflight import open_faults
    from grid.cells.gangs import planned_gangs
    from grid.cells.status import listed_cells, planned_action
    from grid.experiment.grid import resolve
    from grid.experiment.preflight import to_fetch
    from grid.experiment.rates import epoch_seconds, training_time
    from grid.experiment.work import Work
    from tasks.open_experiment import open_store

    experiment, store = open_store(config, root, writes=False)
    grid = resolve(config, store, without_data=True)
    listed = listed_cells(store, grid.cells)
    rows: list[dict[str, Any]] = []
    to_run: list[CellJob] = []
    finished: list[CellJob] = []
    for job in grid.cells:
        action, reason = planned_action(listed, job)
        (finished if action == "skip" else to_run).append(job)
        rows.append(
            {
                "cell_id": None if grid.missing else job.cell_id,
                "selection": job.selection,
                "policy": job.policy,
                "detector": job.detector,
                "seed": job.seed,
                "action": action,
                "reason": reason,
            }
        )
    gangs = planned_gangs(to_run, experiment.resources.cells_per_gang, grid.renditions) if not grid.missing else []
    work = Work.left(grid, store, to_run)
    time = training_time(listed, to_run, epoch_seconds(listed, finished) if to_run else {})
    faults = open_faults(work, "local")
    if as_json:
        print_json(
            {
                "cells": rows,
                "gangs": [vars(gang) for gang in gangs],
                "renditions": {"number": len(work.renditions), "hours": work.hours, "bytes": work.bytes},
                "training": vars(time),
                "to_fetch": [item.file.path for item in to_fetch(work)],
                "faults": [vars(fault) for fault in faults],
            }
        )
        return
    _show(rows, "; their ids are known once the corpora are imported" if grid.missing else "")
    for gang in gangs:
        _show_gang(gang)
    _show_work(work, time, config)
    _show_faults(faults)


def _show_work(work: Work, time: TrainingTime, config: str) -> None:
    """Prints what the work takes: renditions, with the audio of imported corpora, time, and weights to fetch."""
    from grid.experiment.preflight import to_fetch

    if work.renditions and not work.grid.missing:
        audio = f": {work.hours:,.1f} hours of audio, {work.bytes / 1e9:.1f} GB" if work.hours else ""
        out.print(f"{len(work.renditions)} renditions to make{audio}", highlight=False)
    if work.cells:
        out.print(_training(time), highlight=False)
    if files := to_fetch(work):
        size = sum(item.file.bytes or 0 for item in files)
        known = f", {size / 1e9:.1f} GB or more" if size else ""
        text = f"{len(files)} files of weights to fetch{known}; to see and to fetch them: codecgrid prefetch {config}"
        out.print(text, highlight=False, soft_wrap=True)


def _training(time: TrainingTime) -> str:
    """How long the trainings take at the rates that the store knows; resynthesis leaves none."""
    from tasks.progress_lines import duration

    known = f"{duration(time.seconds)} at most, one cell after the other" if time.seconds else ""
    unknown = f"not known of {', '.join(time.unrated)}, of which no cell is finished" if time.unrated else ""
    return f"time to train: {'; '.join(filter(None, (known, unknown))) or 'none, scoring is left'}"


def _show_faults(faults: list[Fault]) -> None:
    from grid.experiment.preflight import lines_by_cause

    if faults:
        out.print("\n[bold]Lacking; a run starts nothing before[/]", highlight=False)
        out.print("\n".join(lines_by_cause(faults)), markup=False, highlight=False, soft_wrap=True)


def _show_gang(gang: PlannedGang) -> None:
    out.print(f"gang of {len(gang.cells)} cells around one frozen encoder ({gang.cells[0]} ...):", highlight=False)
    out.print(
        f"  {gang.passes:,.0f} encoder passes an epoch instead of {gang.separate:,.0f}: "
        f"1/{gang.separate / gang.passes:.1f}",
        highlight=False,
    )


def _show(rows: list[dict[str, Any]], note: str) -> None:
    """Prints one table for each detector; with its name as title the rows fit in 80 columns."""
    from collections import Counter

    out.print(f"{len(rows)} cells{note}", highlight=False)
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
        rows.append((row["cell_id"] or UNKNOWN_ID, row["selection"], row["policy"], str(row["seed"]), text))
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
