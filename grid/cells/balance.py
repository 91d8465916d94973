"""Balanced selections: assigns utterances to codecs so that each sub-category of the taxonomy gets equally many.

The counts are those of the balanced sets of CodecFake-Source-Tracing (ResponsibleGenAI/CodecFake-Source-Tracing,
`metadata/training`; rows k, l and m of Table VI of the CodecFake+ paper): each recording goes through one codec, the
sub-categories of one axis of the taxonomy get equally many recordings, and inside a sub-category every codec is as
likely. The assignment of single recordings differs from the published one, because the files state no rule for it; the
published files themselves can be read with the reader `codecfake-plus` and `cors: own`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np
from pydantic import BaseModel, ConfigDict

from grid.codecs.catalogue import Catalogue
from grid.core.errors import RequestError
from grid.core.randomness import generator
from grid.core.vocabulary import Axis, Quantiser

ORDER: dict[Axis, tuple[str, ...]] = {
    "qua": get_args(Quantiser),
    "aux": ("None", "Disent", "Sem"),
    "dec": ("Time", "Freq"),
}
"""The sub-categories; a remainder goes to the first ones, which gives the published counts of train and test."""
REVISION = 1


class SubCategory(BaseModel):
    """A sub-category of the taxonomy, such as Time, with the codecs of a selection that belong to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    codecs: tuple[str, ...]


class Balance(BaseModel):
    """What a selection balances: an axis of the taxonomy, and how many codecs each utterance goes through (`scale`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    over: Axis
    scale: int
    sub_categories: tuple[SubCategory, ...]
    revision: int = REVISION


def balance_of(over: Axis, scale: int, codecs: Sequence[str], catalogue: Catalogue) -> Balance:
    """The balance of a selection of `codecs`; RequestError for a codec outside the taxonomy, and for too few codecs."""
    members: dict[str, list[str]] = {name: [] for name in ORDER[over]}
    for codec in sorted(codecs):
        name = getattr(catalogue.get(codec), over)
        if name is None:
            raise RequestError(
                f"codec {codec} has no {over.upper()} in the taxonomy, so it cannot be balanced; leave it out"
            )
        members[name].append(codec)
    parts = tuple(SubCategory(name=name, codecs=tuple(names)) for name, names in members.items() if names)
    if len(parts) < 2:
        raise RequestError(f"all codecs are {over.upper()} {parts[0].name}: nothing to balance; add codecs of others")
    most = -(-scale // len(parts))
    for part in parts:
        if len(part.codecs) < most:
            raise RequestError(
                f"scale {scale} takes {most} different codecs of {over.upper()} {part.name} for an utterance, and the "
                f"selection has {len(part.codecs)}: {', '.join(part.codecs)}; lower the scale or add codecs"
            )
    return Balance(over=over, scale=scale, sub_categories=parts)


def assign_codecs(balance: Balance, utterances: Sequence[str]) -> dict[str, frozenset[str]]:
    """The `utterances` that each codec resynthesises; a function of the balance and of their set, not of their order.

    The utterances get places in a random order. In round r of `scale` the one at place p goes to sub-category
    (p + r) modulo their number, so the sub-categories differ by one utterance at most, in each round and in total.
    Inside its sub-category a codec is drawn uniformly, never the same one twice for an utterance.
    """
    ids = np.array(sorted(set(utterances)), dtype=object)
    draw = generator("balance", balance.over)
    place = draw.permutation(len(ids))
    parts = balance.sub_categories
    # for each utterance a random order of the codecs of each sub-category; round after round takes the next one
    orders = [np.argsort(draw.random((len(ids), len(part.codecs))), axis=1) for part in parts]
    utterances_of: dict[str, list[str]] = {codec: [] for part in parts for codec in part.codecs}
    for turn in range(balance.scale):
        for number, (part, order) in enumerate(zip(parts, orders, strict=True)):
            members = np.flatnonzero((place + turn) % len(parts) == number)
            chosen = order[members, turn // len(parts)]
            for codec, name in enumerate(part.codecs):
                utterances_of[name] += ids[members[chosen == codec]].tolist()
    return {codec: frozenset(names) for codec, names in utterances_of.items()}
