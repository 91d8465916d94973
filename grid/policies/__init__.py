"""Labelling policies: the training target of codec-resynthesised speech (CoRS), one module per policy.

`grid.training.training_set` applies them and mixes CoRS with the other items.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from grid.core.plugins import Registry
from grid.core.vocabulary import Design


@dataclass(frozen=True)
class Labelling:
    """A labelling policy.

    `target(design, soft_target)` is the training target of a CoRS item, as the probability of bona fide (1 bona fide,
    0 spoof), or None when the item is left out; `design` is what its codec is made for, `soft_target` the target of the
    experiment file. `revision` is raised by hand when the rule changes.
    """

    target: Callable[[Design, float | None], float | None]
    revision: int = 1


POLICIES: Registry[Labelling] = Registry(kind="policy", plural="policies", package="grid.policies")
__all__ = ["POLICIES", "Labelling"]
