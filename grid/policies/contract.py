"""What a labelling policy is: the training target of an utterance that a codec resynthesised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from grid.plugins import Registry

Design = Literal["compression", "synthesis", "both"]


@dataclass(frozen=True)
class Labelling:
    """A policy of labels.

    `target(design, soft_target)` is the probability of bona fide that a CoRS item of a codec with this design aim is
    trained towards (1 bona fide, 0 spoof), or None when the item is left out. `revision` is raised by hand when the
    rule changes.
    """

    target: Callable[[Design, float | None], float | None]
    revision: int = 1


POLICIES: Registry[Labelling] = Registry(
    kind="policy", plural="policies", package="grid.policies", exclude=frozenset({"contract"})
)
