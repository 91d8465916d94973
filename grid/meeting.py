"""The waveforms that several cells need at the same step, each once, and which of them belong to which cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from grid.prepared_audio import Place


@dataclass(frozen=True)
class Meeting:
    """`places` are the distinct waveforms of one step; `chosen[i]` the positions of the i-th cell's batch among them.

    None for a cell alone, whose batch is `places` as it stands, and for a cell that has no such step.
    """

    places: list[Place]
    chosen: list[Tensor | None]

    @classmethod
    def of(cls, batches: Sequence[Sequence[Place]]) -> Meeting:
        """The meeting of the cells' batches of one step; an empty batch is of a cell that has ended its epoch."""
        if len(batches) == 1:
            return cls(list(batches[0]), [None])
        position: dict[Place, int] = {}
        chosen = [
            torch.tensor([position.setdefault(place, len(position)) for place in batch], dtype=torch.int64)
            if batch
            else None
            for batch in batches
        ]
        return cls(list(position), chosen)
