"""Labelling policies: the training target of codec-resynthesised speech (CoRS), one module per policy.

`grid.training.training_set` applies them and mixes CoRS with the other items.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from grid.core.plugins import Registry
from grid.core.vocabulary import Design, Key, Role


class SpeechClass(BaseModel):
    """A class of a policy of several outputs: the utterances with one of its roles.

    `key` is the side of a score on which it counts. That of CoRS is the label of CoRS: a cell is scored under both.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    roles: tuple[Role, ...]
    key: Key

    @property
    def is_cors(self) -> bool:
        return "cors" in self.roles


@dataclass(frozen=True)
class Labelling:
    """A labelling policy.

    `target(design, soft_target)` is the training target of a CoRS item, as the probability of bona fide (1 bona fide,
    0 spoof), or None when the item is left out; `design` is what its codec is made for, `soft_target` the target of the
    experiment file. A policy of several outputs has `classes`, one output each: training tells them apart, and the
    target of CoRS, 1 or 0, is the key of their class on dev. `revision` is raised by hand when the rule changes.
    """

    target: Callable[[Design, float | None], float | None]
    classes: tuple[SpeechClass, ...] = ()
    revision: int = 1


POLICIES: Registry[Labelling] = Registry(kind="policy", plural="policies", package="grid.policies")
__all__ = ["POLICIES", "Labelling", "SpeechClass"]
