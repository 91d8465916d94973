"""The baseline of a cell: the same detector trained without resynthesised speech."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from grid.core.vocabulary import NO_CORS


class Trained(Protocol):
    """The attributes that a job and a result of a cell have in common."""

    @property
    def selection(self) -> str: ...
    @property
    def codecs(self) -> tuple[str, ...]: ...
    @property
    def policy(self) -> str: ...
    @property
    def detector(self) -> str: ...
    @property
    def seed(self) -> int: ...


AnyCell = TypeVar("AnyCell", bound=Trained)


def baselines(cells: Iterable[AnyCell], selection: str, detector: str) -> tuple[AnyCell, ...]:
    """The cells without CoRS to compare with: those of the selection, else those trained on no codec at all."""
    without_cors = [cell for cell in cells if cell.policy == NO_CORS and cell.detector == detector]
    own = tuple(cell for cell in without_cors if cell.selection == selection)
    return own or tuple(cell for cell in without_cors if not cell.codecs)


def baseline_of(cell: AnyCell, cells: Iterable[AnyCell]) -> AnyCell | None:
    """The baseline of `cell` with the same seed; None where there is none, and for a baseline itself."""
    if cell.policy == NO_CORS:
        return None
    candidates = baselines(cells, cell.selection, cell.detector)
    return next((candidate for candidate in candidates if candidate.seed == cell.seed), None)
