"""The labels CoRS can have in training: one file each. Mixing is `grid.training.training_set`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from grid.core.plugins import Registry
from grid.core.vocabulary import Design


@dataclass(frozen=True)
class Labelling:
    """A policy of labels.

    `target(design, soft_target)` is the probability of bona fide that a CoRS item of a codec with this design aim is
    trained towards (1 bona fide, 0 spoof), or None when the item is left out. `revision` is raised by hand when the
    rule changes.
    """

    target: Callable[[Design, float | None], float | None]
    revision: int = 1


POLICIES: Registry[Labelling] = Registry(kind="policy", plural="policies", package="grid.policies")
__all__ = ["POLICIES", "Labelling"]
