"""Owns the step from EERs to main effects: one linear model for each family, tested together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from grid.analysis.effects.eers_by_codec import Exchange
from grid.analysis.effects.results import Basis, MainEffects
from grid.codecs.catalogue import Catalogue
from grid.codecs.entry import CatalogueEntry
from grid.codecs.pairs import SHARED, Attribute, AttributeValue, exchange_words, place, value_of
from grid.metrics.detection import FloatArray
from grid.metrics.linear_model import LinearModel, linear_model, unfit

TAXONOMY: tuple[Attribute, ...] = ("qua", "aux", "dec")
BIT_RATE: Attribute = "bitrate_kbps"
DOUBLED = "bit rate doubled"


@dataclass(frozen=True)
class Term:
    """One fixed effect: its words, those of the contrast of the same exchange, and its column, a number per codec."""

    words: str
    column: tuple[float, ...]


@dataclass(frozen=True)
class FamilyDesign:
    """The codecs (names) of a family that a model is of, and its terms."""

    family: str
    members: tuple[str, ...]
    terms: tuple[Term, ...]

    @property
    def matrix(self) -> FloatArray:
        """The intercept and the terms, (members, 1 + terms)."""
        return np.column_stack([np.ones(len(self.members)), *(np.array(term.column) for term in self.terms)])


def designs(entries: Iterable[CatalogueEntry]) -> tuple[FamilyDesign, ...]:
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


def _design(family: Sequence[CatalogueEntry]) -> FamilyDesign | None:
    """None where nothing of the taxonomy differs: the bit rate alone answers no question of it."""
    known = [each for each in (*TAXONOMY, BIT_RATE) if any(value_of(entry, each) is not None for entry in family)]
    members = [entry for entry in family if all(value_of(entry, each) is not None for each in known)]
    terms = [term for each in TAXONOMY if each in known for term in _categories(each, _values(members, each))]
    if not terms:
        return None
    rates = [float(rate) for rate in _values(members, BIT_RATE)] if BIT_RATE in known else []
    if len(set(rates)) > 1:
        terms.append(Term(DOUBLED, tuple(map(math.log2, rates))))
    return FamilyDesign(family[0].family, tuple(entry.name for entry in members), tuple(terms))


def _values(members: Sequence[CatalogueEntry], attribute: Attribute) -> list[AttributeValue]:
    return [value for entry in members if (value := value_of(entry, attribute)) is not None]


def _categories(attribute: Attribute, values: Sequence[AttributeValue]) -> list[Term]:
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


def main_effects(exchange: Exchange, catalogue: Catalogue, level: float) -> tuple[MainEffects, ...]:
    """One model for each family of which codecs that differ in the taxonomy have an EER.

    p-values are adjusted (Holm) for all terms of all families.
    """
    there = np.flatnonzero(np.isfinite(exchange.observed).any(axis=(1, 2)))
    known = {exchange.codecs[place] for place in there}
    found = designs(entry for entry in catalogue if entry.name in known)
    return _corrected(tuple(_of_family(exchange, catalogue, design, level) for design in found))


def _of_family(exchange: Exchange, catalogue: Catalogue, design: FamilyDesign, level: float) -> MainEffects:
    family = {entry.name for entry in catalogue if entry.family == design.family}
    basis, heard = _basis(exchange, family, design.members)
    wanted = [
        np.array([codec in heard and codec != member for codec in exchange.others], dtype=np.bool_)
        for member in design.members
    ]
    eers = [
        exchange.observed[row][:, columns] for row, columns in zip(exchange.rows(design.members), wanted, strict=True)
    ]
    seeds = [place for place in range(len(exchange.seeds)) if all(np.isfinite(each[place]).all() for each in eers)]
    made = MainEffects(
        family=design.family,
        terms=tuple(term.words for term in design.terms),
        members=design.members,
        seeds=tuple(exchange.seeds[place] for place in seeds),
        basis=basis,
        codecs=len(heard),
        model=None,
        left_out=tuple(each for each in exchange.others if each not in {*heard, *family}),
        troubles=exchange.troubles(() if exchange.side == "test" and basis == "all others" else family),
    )
    if not seeds:
        return replace(made, unfit="there is no seed in which the trainings with all codecs are done")
    if basis == "all others" and len(heard) < 2:
        return replace(made, unfit="no codec is tested but one that is trained with")
    responses = np.array([np.mean(each[seeds]) for each in eers])
    if trouble := unfit(responses, design.matrix):
        return replace(made, unfit=trouble)
    return replace(made, model=linear_model(responses, design.matrix, level))


def _basis(exchange: Exchange, family: set[str], members: tuple[str, ...]) -> tuple[Basis, tuple[str, ...]]:
    """The best kind of others that there is, and which they are."""
    outside = tuple(codec for codec in exchange.others if codec not in family)
    if not outside:
        return "all others", exchange.others
    worse = exchange.worse_than_chance(members)
    better = tuple(codec for codec in outside if codec not in worse)
    return ("better than chance", better) if better and better != outside else ("outside the family", outside)


def _corrected(made: tuple[MainEffects, ...]) -> tuple[MainEffects, ...]:
    from statsmodels.stats.multitest import multipletests  # takes a second

    p_values = [each.p_value for one in made if one.model for each in one.model.coefficients]
    if not p_values:
        return made
    adjusted = iter(multipletests(p_values, method="holm")[1])
    return tuple(replace(one, model=_adjusted(one.model, adjusted)) if one.model else one for one in made)


def _adjusted(model: LinearModel, adjusted: Iterator[float]) -> LinearModel:
    """With the next p-values of `adjusted`."""
    return replace(
        model, coefficients=tuple(replace(each, adjusted=float(next(adjusted))) for each in model.coefficients)
    )
