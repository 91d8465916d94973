"""What a run tells whoever watches it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from grid.cells.job import CellJob


@dataclass(frozen=True)
class RenderProgress:
    """How far one pool of codec workers is; `seconds` is audio made so far, `elapsed` wall time."""

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
    """What happened to a cell: an epoch was reported, or its trial ended."""

    cell_id: str
    ended: bool
    epoch: dict[str, Any] | None = None


class Watcher(Protocol):
    """What shows a run to people."""

    def stage(self, text: str) -> None: ...
    def rendering(self, progress: RenderProgress) -> None: ...
    def training(self, cells: list[CellJob]) -> None: ...
    def cell(self, event: CellEvent) -> None: ...
