"""Which training another one is compared with: the same detector trained without resynthesised speech."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from grid.core.vocabulary import NO_CORS


class Trained(Protocol):
    """What a cell says of its training, be it a job or a result."""

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
    found = [cell for cell in cells if cell.policy == NO_CORS and cell.detector == detector]
    own = tuple(cell for cell in found if cell.selection == selection)
    return own or tuple(cell for cell in found if not cell.codecs)


def baseline_of(cell: AnyCell, cells: Iterable[AnyCell]) -> AnyCell | None:
    """The baseline of `cell` with its own seed; None where there is none, and for a baseline itself."""
    if cell.policy == NO_CORS:
        return None
    same_seed = (other for other in baselines(cells, cell.selection, cell.detector) if other.seed == cell.seed)
    return next(same_seed, None)
