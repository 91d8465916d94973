"""The breakdowns of an evaluation (by codec, attack, system, taxonomy): the trials of each condition, and its needs.

`grid.measuring.trials` makes the conditions of an evaluation from these rules, and `check_evaluations` checks before
anything is rendered that there will be any.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from grid.codecs.taxonomy import place_of
from grid.core.vocabulary import Axis, Breakdown, Role

Mask: TypeAlias = NDArray[np.bool_]
WordArray: TypeAlias = NDArray[np.object_]


class TrialColumns(Protocol):
    """The columns `(trials,)` of scored utterances that a breakdown uses; "" for no codec and no attack."""

    @property
    def role(self) -> WordArray: ...
    @property
    def codec(self) -> WordArray: ...
    @property
    def attack(self) -> WordArray: ...
    @property
    def system(self) -> WordArray:
        """The attack of a spoof, and of a recording the attack that it belongs to, or else its source."""


@dataclass(frozen=True)
class UtteranceKind:
    """A kind of tested utterances: their role, their codec ("" for none), and whether codecgrid renders them."""

    role: Role
    codec: str
    made: bool


Kinds: TypeAlias = Collection[UtteranceKind]


class BreakdownRule(ABC):
    """One way to break an evaluation down. `needs` are the trials without which it gives no condition."""

    needs: str

    @abstractmethod
    def possible(self, bonafide: Kinds, spoof: Kinds) -> bool:
        """Whether these kinds of the two classes give a condition."""

    @abstractmethod
    def conditions(self, columns: TrialColumns, bonafide: Mask, spoof: Mask) -> Iterator[tuple[str, Mask, Mask]]:
        """The value, the bona fide and the spoof trials `(trials,)` of each condition, by value."""


class ByCodec(BreakdownRule):
    """The CoRS and the CoSG of one codec, with all recordings. A codec without trials of a class has no condition."""

    needs = "spoof trials of a codec, and recordings or bona fide trials of the same codec"

    def possible(self, bonafide: Kinds, spoof: Kinds) -> bool:
        coded = _codecs(spoof)
        return bool(coded) and any(kind.role == "raw" or kind.codec in coded for kind in bonafide)

    def conditions(self, columns: TrialColumns, bonafide: Mask, spoof: Mask) -> Iterator[tuple[str, Mask, Mask]]:
        for codec in _values(columns.codec[bonafide | spoof]):
            chosen = columns.codec == codec
            genuine, attacks = bonafide & (chosen | (columns.role == "raw")), spoof & chosen
            if genuine.any() and attacks.any():
                yield codec, genuine, attacks


class ByBonafideCodec(BreakdownRule):
    """The bona fide trials of one codec against all spoofs (T-CoRS per NAC of the CDD paper)."""

    needs = "bona fide trials of a codec"

    def possible(self, bonafide: Kinds, spoof: Kinds) -> bool:
        return bool(_codecs(bonafide))

    def conditions(self, columns: TrialColumns, bonafide: Mask, spoof: Mask) -> Iterator[tuple[str, Mask, Mask]]:
        for codec in _values(columns.codec[bonafide]):
            yield codec, bonafide & (columns.codec == codec), spoof


class BySpoofCodec(BreakdownRule):
    """All bona fide trials against the spoofs of one codec."""

    needs = "spoof trials of a codec"

    def possible(self, bonafide: Kinds, spoof: Kinds) -> bool:
        return bool(_codecs(spoof))

    def conditions(self, columns: TrialColumns, bonafide: Mask, spoof: Mask) -> Iterator[tuple[str, Mask, Mask]]:
        for codec in _values(columns.codec[spoof]):
            yield codec, bonafide, spoof & (columns.codec == codec)


class ByAttack(BreakdownRule):
    """All bona fide trials against one attack (T-CoSG per TTS of the CDD paper)."""

    needs = "spoof trials of an attack"

    def possible(self, bonafide: Kinds, spoof: Kinds) -> bool:
        return any(kind.role in ("attack", "cosg") for kind in spoof)

    def conditions(self, columns: TrialColumns, bonafide: Mask, spoof: Mask) -> Iterator[tuple[str, Mask, Mask]]:
        for attack in _values(columns.attack[spoof]):
            yield attack, bonafide, spoof & (columns.attack == attack)


class BySystem(ByAttack):
    """One generator against the recordings that belong to it.

    CodecFake+ has recordings for each of its generators, and a generator is tested against its own. A recording that
    belongs to no generator of the evaluation is a trial of every condition.
    """

    def conditions(self, columns: TrialColumns, bonafide: Mask, spoof: Mask) -> Iterator[tuple[str, Mask, Mask]]:
        yield from _against_own_recordings(columns.attack, columns, bonafide, spoof)


@dataclass(frozen=True)
class ByTaxonomy(BreakdownRule):
    """The spoofs whose codec has one category on an axis of the taxonomy, against their generators' recordings.

    Table V of CodecFake+. A codec outside the taxonomy is in no condition.
    """

    axis: Axis
    needs = "spoof trials of a codec that has a place in the taxonomy"

    def possible(self, bonafide: Kinds, spoof: Kinds) -> bool:
        return any(place_of(codec) for codec in _codecs(spoof))

    def conditions(self, columns: TrialColumns, bonafide: Mask, spoof: Mask) -> Iterator[tuple[str, Mask, Mask]]:
        category = {codec: self._category(codec) for codec in set(columns.codec)}
        categories = np.array([category[codec] for codec in columns.codec], dtype=object)
        yield from _against_own_recordings(categories, columns, bonafide, spoof)

    def _category(self, codec: str) -> str:
        """The category of a codec on the axis; "" for a codec outside the taxonomy."""
        place = place_of(codec) if codec else None
        return "" if place is None else str(getattr(place, self.axis))


BREAKDOWNS: dict[Breakdown, BreakdownRule] = {
    "codec": ByCodec(),
    "bonafide-codec": ByBonafideCodec(),
    "spoof-codec": BySpoofCodec(),
    "attack": ByAttack(),
    "system": BySystem(),
    "qua": ByTaxonomy("qua"),
    "aux": ByTaxonomy("aux"),
    "dec": ByTaxonomy("dec"),
}


def _against_own_recordings(
    value: WordArray, columns: TrialColumns, bonafide: Mask, spoof: Mask
) -> Iterator[tuple[str, Mask, Mask]]:
    """The spoofs of each value against the recordings of their generators and those that belong to no generator."""
    generators = list(set(columns.attack[spoof]) - {""})
    for chosen in _values(value[spoof]):
        spoofs = spoof & (value == chosen)
        own = np.isin(columns.system, list(set(columns.system[spoofs])))
        recordings = bonafide & (own | ~np.isin(columns.system, generators))
        if recordings.any():
            yield chosen, recordings, spoofs


def _codecs(kinds: Kinds) -> set[str]:
    return {kind.codec for kind in kinds} - {""}


def _values(words: WordArray) -> list[str]:
    return sorted(str(word) for word in set(words) - {""})
