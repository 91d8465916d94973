"""Owns the design of a linear model over the codecs of a family: which attributes differ, and how they are coded."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from grid.codecs.entry import CatalogueEntry
from grid.matched_pairs import SHARED, Attribute, Value, exchange_words, place, value_of
from grid.metrics.detection import FloatArray

TAXONOMY: tuple[Attribute, ...] = ("qua", "aux", "dec")
BIT_RATE: Attribute = "bitrate_kbps"
DOUBLED = "bit rate doubled"


@dataclass(frozen=True)
class Term:
    """One fixed effect: its words, those of the contrast of the same exchange, and its column, a number per codec."""

    words: str
    column: tuple[float, ...]


@dataclass(frozen=True)
class Design:
    """The codecs (names) of a family that a model is of, and its terms."""

    family: str
    members: tuple[str, ...]
    terms: tuple[Term, ...]

    @property
    def matrix(self) -> FloatArray:
        """The intercept and the terms, (members, 1 + terms)."""
        return np.column_stack([np.ones(len(self.members)), *(np.array(term.column) for term in self.terms)])


def designs(entries: Iterable[CatalogueEntry]) -> tuple[Design, ...]:
    """One design for each family whose codecs differ in the taxonomy, in the order of the entries.

    A family are the codecs that agree in all of `SHARED`, as in a matched pair; one that lacks a value which others of
    it have is left out. QUA, AUX and DEC are coded by treatment: each category against the most frequent one, the sign
    such that a term reads along its axis. The bit rate is numeric and counts doublings: from 1.5 to 3 kbit/s is as far
    as from 12 to 24. Codecs that differ in the training seed alone are two with the same row.
    """
    families: dict[tuple[object, ...], list[CatalogueEntry]] = {}
    for entry in entries:
        families.setdefault(tuple(getattr(entry, field) for field in SHARED), []).append(entry)
    made = (_design(members) for members in families.values())
    return tuple(design for design in made if design is not None)


def _design(family: Sequence[CatalogueEntry]) -> Design | None:
    """None where nothing of the taxonomy differs: the bit rate alone answers no question of it."""
    known = [each for each in (*TAXONOMY, BIT_RATE) if any(value_of(entry, each) is not None for entry in family)]
    members = [entry for entry in family if all(value_of(entry, each) is not None for each in known)]
    terms = [term for each in TAXONOMY if each in known for term in _categories(each, _values(members, each))]
    if not terms:
        return None
    rates = [float(rate) for rate in _values(members, BIT_RATE)] if BIT_RATE in known else []
    if len(set(rates)) > 1:
        terms.append(Term(DOUBLED, tuple(map(math.log2, rates))))
    return Design(family[0].family, tuple(entry.name for entry in members), tuple(terms))


def _values(members: Sequence[CatalogueEntry], attribute: Attribute) -> list[Value]:
    return [value for entry in members if (value := value_of(entry, attribute)) is not None]


def _categories(attribute: Attribute, values: Sequence[Value]) -> list[Term]:
    """One term for each category but the reference: the most frequent, of equal ones the first on the axis."""
    categories = sorted(set(values), key=place)
    counts = Counter(values)
    reference = max(categories, key=counts.__getitem__)
    terms = []
    for category in categories:
        if category != reference:
            before, after = sorted((reference, category), key=place)
            sign = 1.0 if category == after else -1.0
            column = tuple(sign if value == category else 0.0 for value in values)
            terms.append(Term(exchange_words(attribute, before, after), column))
    return terms
