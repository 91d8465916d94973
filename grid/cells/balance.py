"""Balanced selections: through which codec each utterance goes, so that each sub-category has equally many.

The rule counts as the balanced sets of CodecFake-Source-Tracing do (ResponsibleGenAI/CodecFake-Source-Tracing,
`metadata/training`; rows k, l and m of Table VI of the CodecFake+ paper): each recording goes through one codec, the
sub-categories of one axis of the taxonomy get equally many recordings, and inside a sub-category every codec is as
likely. Which recording goes where cannot be the same, because the files keep no rule for it; who wants those very
files reads them (reader `codecfake-plus`, `cors: own`).
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
"""The sub-categories; a remainder goes to the first ones. So fall the published counts of train and test."""
REVISION = 1


class SubCategory(BaseModel):
    """A sub-category of the taxonomy, such as Time, with those codecs of a selection that are of it, by name."""

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
    there = tuple(SubCategory(name=name, codecs=tuple(found)) for name, found in members.items() if found)
    if len(there) < 2:
        raise RequestError(f"all codecs are {over.upper()} {there[0].name}: nothing to balance; add codecs of others")
    most = -(-scale // len(there))
    for each in there:
        if len(each.codecs) < most:
            raise RequestError(
                f"scale {scale} takes {most} different codecs of {over.upper()} {each.name} for an utterance, and the "
                f"selection has {len(each.codecs)}: {', '.join(each.codecs)}; lower the scale or add codecs"
            )
    return Balance(over=over, scale=scale, sub_categories=there)


def assigned(balance: Balance, utterances: Sequence[str]) -> dict[str, frozenset[str]]:
    """Which of `utterances` each codec resynthesises; a function of the balance and of what they are, not their order.

    The utterances get places in a random order. In round r of `scale` the one at place p goes to sub-category
    (p + r) modulo their number, so the sub-categories differ by one utterance at most, in each round and in all. There
    it goes through a codec drawn evenly, never through one codec twice.
    """
    ids = np.array(sorted(set(utterances)), dtype=object)
    draw = generator("balance", balance.over)
    place = draw.permutation(len(ids))
    parts = balance.sub_categories
    # a random order of the codecs of each sub-category for each utterance, as long as there are rounds for it
    orders = [np.argsort(draw.random((len(ids), len(part.codecs))), axis=1) for part in parts]
    found: dict[str, list[str]] = {codec: [] for part in parts for codec in part.codecs}
    for turn in range(balance.scale):
        for number, (part, order) in enumerate(zip(parts, orders, strict=True)):
            here = np.flatnonzero((place + turn) % len(parts) == number)
            chosen = order[here, turn // len(parts)]
            for codec, name in enumerate(part.codecs):
                found[name] += ids[here[chosen == codec]].tolist()
    return {codec: frozenset(held) for codec, held in found.items()}
