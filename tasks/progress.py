"""Displays the progress of a run: codecs with hours of audio per hour, cells with their last dev EER."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from cluster.stages.events import CellEvent, RenderProgress
from grid.cells.job import CellJob


class TerminalProgress:
    """Progress bars on a terminal; elsewhere plain lines, at most one every `LINE_SECONDS` except for ends."""

    LINE_SECONDS = 20.0

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bars = Progress(
            TextColumn("{task.description}", table_column=Column(overflow="fold", max_width=24)),
            BarColumn(bar_width=12),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            # what does not fit continues in the next line, for an EER that is cut says nothing
            TextColumn("{task.fields[note]}", table_column=Column(overflow="fold", ratio=1)),
            expand=True,
            console=console,
            disable=not console.is_terminal,
        )
        self._pools: dict[str, TaskID] = {}
        self._cells: dict[str, CellJob] = {}
        self._training: TaskID | None = None
        self._ended = 0
        self._last_line = 0.0

    def __enter__(self) -> TerminalProgress:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def stage(self, text: str) -> None:
        self.console.print(f"[bold]{text}[/]")

    def rendering(self, progress: RenderProgress) -> None:
        note = f"{progress.hours_per_hour:,.0f} h/h" if progress.seconds else ""
        if progress.failed:
            note += f", {progress.failed} failed"
        if progress.link not in self._pools:
            self._pools[progress.link] = self._bars.add_task(progress.link, total=progress.shards, note="")
        self._bars.update(self._pools[progress.link], completed=progress.shards_done, total=progress.shards, note=note)
        if progress.shards_done == progress.shards:
            self._line(f"  {progress.link}: {progress.seconds / 3600:.2f} h of audio, {note}", now=True)

    def training(self, cells: list[CellJob]) -> None:
        self._cells = {job.cell_id: job for job in cells}
        self._training = self._bars.add_task("cells", total=len(cells), note="")

    def cell(self, event: CellEvent) -> None:
        job = self._cells[event.cell_id]
        name = f"{job.detector} {job.selection} {job.policy} seed {job.seed}"
        if event.ended:
            self._ended += 1
            self._line(f"  {self._ended}/{len(self._cells)} {name}", now=True)
        elif event.epoch is not None:
            name += f", epoch {event.epoch['epoch'] + 1}/{job.recipe.epochs}, dev EER {event.epoch['dev_eer']:.1%}"
            self._line(f"  {name}")
        if self._training is not None:
            self._bars.update(self._training, completed=self._ended, note=name)

    def _line(self, text: str, *, now: bool = False) -> None:
        if self.console.is_terminal or (not now and time.monotonic() - self._last_line < self.LINE_SECONDS):
            return
        self._last_line = time.monotonic()
        self.console.print(text, highlight=False)
