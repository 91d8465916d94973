"""The work that a run has not done yet, counted from its progress events, for the watch of the cluster."""

from __future__ import annotations

from collections.abc import Callable

from cluster.stages.events import CellEvent, ProgressListener, RenderProgress
from grid.cells.job import CellJob


class WorkLeft:
    """A ProgressListener that passes every event on to another, and keeps count."""

    def __init__(self, listener: ProgressListener) -> None:
        self._listener = listener
        self._shards = ""
        self._cells: set[str] = set()
        self.on_progress: Callable[[], None] | None = None

    def waiting(self) -> str:
        """What is not done, such as `3 of 8 shards of opus-6kbps are not rendered`; "" when nothing is waited for."""
        return f"{len(self._cells)} cells have not ended" if self._cells else self._shards

    def stage(self, text: str) -> None:
        self._progressed()
        self._listener.stage(text)

    def rendering(self, progress: RenderProgress) -> None:
        left = progress.shards - progress.shards_done
        self._shards = f"{left} of {progress.shards} shards of {progress.link} are not rendered" if left else ""
        self._progressed()
        self._listener.rendering(progress)

    def training(self, cells: list[CellJob]) -> None:
        self._cells = {job.cell_id for job in cells}
        self._progressed()
        self._listener.training(cells)

    def cell(self, event: CellEvent) -> None:
        if event.ended:
            self._cells.discard(event.cell_id)
        self._progressed()
        self._listener.cell(event)

    def _progressed(self) -> None:
        if self.on_progress is not None:
            self.on_progress()
