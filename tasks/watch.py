"""`codecgrid watch`: how far a run is, live, from any machine that sees its results; `status` prints it once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from tasks.console import Config, Root, out, single
from tasks.progress_lines import SHOWN, progress_lines
from tasks.ranges import require_within

if TYPE_CHECKING:
    from grid.experiment.progress import GridProgress, ProgressReader


def watch(
    config: Config,
    root: Root = None,
    interval: Annotated[float, typer.Option(help="seconds between two looks")] = 5.0,
) -> None:
    """Show the progress of a run until all its cells are done or failed; on no terminal, a line for each change."""
    from grid.experiment.progress import ProgressReader
    from tasks.open_experiment import open_grid

    require_within("--interval", interval, 0.1, 3600)
    grid, store = open_grid(config, root)
    reader = ProgressReader(store, grid)
    for _ in _live(reader) if out.is_terminal else _changes(reader):
        time.sleep(interval)


def _is_over(progress: GridProgress) -> bool:
    return not progress.is_run and all(state.status in ("done", "failed") for state in progress.states)


def _live(reader: ProgressReader) -> Iterator[None]:
    """Draws the lines over the last ones; a line that is longer than the terminal continues in the next."""
    from rich.live import Live
    from rich.text import Text

    progress = reader.read(SHOWN)
    with Live(console=out, refresh_per_second=4, vertical_overflow="ellipsis") as live:
        while True:
            live.update(Text("\n".join(progress_lines(progress)), overflow="fold"))
            if _is_over(progress):
                return
            yield
            progress = reader.read(SHOWN)


def _changes(reader: ProgressReader) -> Iterator[None]:
    """Prints the lines that are new."""
    before: set[str] = set()
    while True:
        progress = reader.read(SHOWN)
        lines = list(progress_lines(progress))
        for line in lines:
            if line not in before:
                out.print(line, markup=False, highlight=False, soft_wrap=True)
        before = set(lines)
        if _is_over(progress):
            return
        yield


if __name__ == "__main__":
    single(watch)
