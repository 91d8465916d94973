"""The progress events of a run, and the interface of the object that displays them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from grid.cells.job import CellJob


@dataclass(frozen=True)
class RenderProgress:
    """The progress of one pool of codec workers; `seconds` is the audio rendered so far, `elapsed` the wall time."""

    link: str
    shards_done: int
    shards: int
    seconds: float
    elapsed: float
    failed: int

    @property
    def hours_per_hour(self) -> float:
        """Hours of audio per hour of wall time."""
        return self.seconds / self.elapsed if self.elapsed > 0 else 0.0


@dataclass(frozen=True)
class CellEvent:
    """An event of a cell: an epoch was reported, or its trial ended."""

    cell_id: str
    ended: bool
    epoch: dict[str, Any] | None = None


class ProgressListener(Protocol):
    """Receives the progress of a run, to display it; all methods are called in the driver's process."""

    def stage(self, text: str) -> None:
        """A stage begins, or has a new description."""

    def rendering(self, progress: RenderProgress) -> None:
        """A pool of codec workers has made progress."""

    def training(self, cells: list[CellJob]) -> None:
        """The training of these cells begins."""

    def cell(self, event: CellEvent) -> None:
        """An epoch of a cell was reported, or its trial ended."""
