"""The progress of a grid in plain lines, as `codecgrid status` and `codecgrid watch` show it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grid.cells.job import CellJob
    from grid.experiment.progress import GridProgress

SHOWN = 40
"""The most cells of one status that are listed."""
NO_RUN = "no run is going on: codecgrid run CONFIG goes on"


def progress_lines(progress: GridProgress) -> Iterator[str]:
    """Lines of any length: counts, utterances, running cells, and the EERs of finished ones."""
    names = {"done": "done", "failed": "failed", "running": "running", "missing": "todo"}
    yield ", ".join(f"{progress.count(status)} {name}" for status, name in names.items())
    if progress.utterances < progress.of_utterances:
        left = f", {_about(progress.rendering_left)}" if progress.rendering_left is not None else ""
        yield f"resynthesis: {progress.utterances:,} of {progress.of_utterances:,} utterances{left}"
    unfinished = progress.count("running") + progress.count("missing")
    if unfinished and progress.is_run is False:
        yield NO_RUN
    elif unfinished and progress.training_left is not None:
        yield f"training: {_about(progress.training_left)} at most"
    yield from _running(progress)
    jobs = {state.job.cell_id: state.job for state in progress.states}
    for cell_id, measured in progress.eers.items():
        eers = ", ".join(f"{each.evaluation} {100 * each.eer:.2f} %" for each in measured)
        yield f"  done: {described(jobs[cell_id])}: EER {eers or 'not measured yet'}"
    if progress.count("done") > len(progress.eers):
        yield f"  and {progress.count('done') - len(progress.eers)} more are done: codecgrid report"


def described(job: CellJob) -> str:
    """A cell in words: its id and its place in the grid."""
    return f"{job.cell_id} {job.detector} {job.selection} {job.policy} seed {job.seed}"


def _running(progress: GridProgress) -> Iterator[str]:
    running = [state for state in progress.states if state.status == "running"]
    for state in running[:SHOWN]:
        dev = f", dev EER {100 * state.epochs[-1]['dev_eer']:.2f} %" if state.epochs else ""
        yield f"  running: {described(state.job)}: {len(state.epochs)} of {state.job.recipe.epochs} epochs{dev}"
    if len(running) > SHOWN:
        yield f"  and {len(running) - SHOWN} more are running"


def _about(seconds: float) -> str:
    """`about 3 min left`."""
    return f"about {duration(seconds)} left"


def duration(seconds: float) -> str:
    """`12.5 h`, `3 min` or `20 s`."""
    size, unit = next(each for each in ((3600, "h"), (60, "min"), (1, "s")) if seconds >= each[0] or each[0] == 1)
    return f"{seconds / size:,.{int(unit == 'h')}f} {unit}"
