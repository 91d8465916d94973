"""Main effects of codec attributes on the EER: one linear model per codec family, with Holm's correction over all."""

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
from grid.codecs.pairs import SHARED, Attribute, AttributeValue, attribute_value, axis_position, exchange_words
from grid.metrics.detection import FloatArray
from grid.metrics.linear_model import LinearModel, linear_model, reason_not_fitted

TAXONOMY: tuple[Attribute, ...] = ("qua", "aux", "dec")
BIT_RATE: Attribute = "bitrate_kbps"
DOUBLED = "bit rate doubled"


@dataclass(frozen=True)
class Term:
    """One fixed effect: its words (as in the contrast of the same change), and its design column, a number a codec."""

    words: str
    column: tuple[float, ...]


@dataclass(frozen=True)
class FamilyDesign:
    """The design of a family's model: the names of its codecs, and its terms."""

    family: str
    members: tuple[str, ...]
    terms: tuple[Term, ...]

    @property
    def matrix(self) -> FloatArray:
        """The intercept and the terms, (members, 1 + terms)."""
        return np.column_stack([np.ones(len(self.members)), *(np.array(term.column) for term in self.terms)])


def designs(entries: Iterable[CatalogueEntry]) -> tuple[FamilyDesign, ...]:
    """One design for each family whose codecs differ in the taxonomy, in the order of the entries.

    A family consists of the codecs that agree in all of `SHARED`, as in a matched pair; a codec that lacks a value
    which others of the family have is left out. QUA, AUX and DEC are treatment-coded: each category against the most
    frequent one, with the sign such that a term reads along its axis. The bit rate is numeric, in doublings: 1.5 to 3
    kbit/s counts as much as 12 to 24. Codecs that differ only in the training seed are two members with equal rows.
    """
    families: dict[tuple[object, ...], list[CatalogueEntry]] = {}
    for entry in entries:
        families.setdefault(tuple(getattr(entry, field) for field in SHARED), []).append(entry)
    candidates = (_design(members) for members in families.values())
    return tuple(design for design in candidates if design is not None)


def _design(family: Sequence[CatalogueEntry]) -> FamilyDesign | None:
    """None if the codecs do not differ in the taxonomy: a model of the bit rate alone says nothing about it."""
    known = [
        name for name in (*TAXONOMY, BIT_RATE) if any(attribute_value(entry, name) is not None for entry in family)
    ]
    members = [entry for entry in family if all(attribute_value(entry, name) is not None for name in known)]
    terms = [term for name in TAXONOMY if name in known for term in _categories(name, _values(members, name))]
    if not terms:
        return None
    rates = [float(rate) for rate in _values(members, BIT_RATE)] if BIT_RATE in known else []
    if len(set(rates)) > 1:
        terms.append(Term(DOUBLED, tuple(map(math.log2, rates))))
    return FamilyDesign(family[0].family, tuple(entry.name for entry in members), tuple(terms))


def _values(members: Sequence[CatalogueEntry], attribute: Attribute) -> list[AttributeValue]:
    return [value for entry in members if (value := attribute_value(entry, attribute)) is not None]


def _categories(attribute: Attribute, values: Sequence[AttributeValue]) -> list[Term]:
    """One term per category except the reference, which is the most frequent one (ties: the first on the axis)."""
    categories = sorted(set(values), key=axis_position)
    counts = Counter(values)
    reference = max(categories, key=counts.__getitem__)
    terms = []
    for category in categories:
        if category != reference:
            before, after = sorted((reference, category), key=axis_position)
            sign = 1.0 if category == after else -1.0
            column = tuple(sign if value == category else 0.0 for value in values)
            terms.append(Term(exchange_words(attribute, before, after), column))
    return terms


def main_effects(exchange: Exchange, catalogue: Catalogue, level: float) -> tuple[MainEffects, ...]:
    """One model for each family whose codecs with an EER differ in the taxonomy.

    p-values are adjusted (Holm) for all terms of all families. Before that they hold their level whatever trainings and
    tested codecs have in common, for that is in the intercept, and with the basis "better than chance" too, for the
    mean over a family says nothing of differences within it if its EERs deviate alike: with the controlled family
    (12 codecs, 7 parameters), 1, 3 or 6 seeds, 2, 4, 9 or 21 codecs in the other role, no effect, and in points the
    standard deviations 0 to 2 (training of the codec), 0 or 2 (of the detector), 0 or 3 (codec beside codec), 3 or 4
    (residual), 0 or 15 (codec in the other role) and 0 or 3 (speakers), p < 0.05 occurred in 4.6 to 5.5 % of 20 000
    simulations of each case and term, with the mean EER near 48 % and codecs left out as without.
    """
    measured = np.flatnonzero(np.isfinite(exchange.observed).any(axis=(1, 2)))
    codecs = {exchange.codecs[index] for index in measured}
    family_designs = designs(entry for entry in catalogue if entry.name in codecs)
    return _corrected(tuple(_of_family(exchange, catalogue, design, level) for design in family_designs))


def _of_family(exchange: Exchange, catalogue: Catalogue, design: FamilyDesign, level: float) -> MainEffects:
    family = {entry.name for entry in catalogue if entry.family == design.family}
    basis, averaged = _basis(exchange, family, design.members)
    masks = [
        np.array([codec in averaged and codec != member for codec in exchange.others], dtype=np.bool_)
        for member in design.members
    ]
    eers = [exchange.observed[row][:, mask] for row, mask in zip(exchange.rows(design.members), masks, strict=True)]
    seeds = [index for index in range(len(exchange.seeds)) if all(np.isfinite(row[index]).all() for row in eers)]
    without_model = MainEffects(
        family=design.family,
        terms=tuple(term.words for term in design.terms),
        members=design.members,
        seeds=tuple(exchange.seeds[index] for index in seeds),
        basis=basis,
        codecs=len(averaged),
        model=None,
        left_out=tuple(codec for codec in exchange.others if codec not in {*averaged, *family}),
        troubles=exchange.troubles(() if exchange.side == "test" and basis == "all others" else family),
    )
    if not seeds:
        return replace(without_model, unfit="there is no seed in which the trainings with all codecs are done")
    if basis == "all others" and len(averaged) < 2:
        return replace(without_model, unfit="no codec is tested but one that is trained with")
    responses = np.array([np.mean(row[seeds]) for row in eers])
    if reason := reason_not_fitted(responses, design.matrix):
        return replace(without_model, unfit=reason)
    return replace(without_model, model=linear_model(responses, design.matrix, level))


def _basis(exchange: Exchange, family: set[str], members: tuple[str, ...]) -> tuple[Basis, tuple[str, ...]]:
    """The best available basis for the mean EER of a family, and the codecs of it."""
    outside = tuple(codec for codec in exchange.others if codec not in family)
    if not outside:
        return "all others", exchange.others
    worse = exchange.worse_than_chance(members)
    better = tuple(codec for codec in outside if codec not in worse)
    return ("better than chance", better) if better and better != outside else ("outside the family", outside)


def _corrected(families: tuple[MainEffects, ...]) -> tuple[MainEffects, ...]:
    """With p-values adjusted (Holm) over all coefficients of all families."""
    from statsmodels.stats.multitest import multipletests  # takes a second

    p_values = [item.p_value for main in families if main.model for item in main.model.coefficients]
    if not p_values:
        return families
    adjusted = iter(multipletests(p_values, method="holm")[1])
    return tuple(replace(main, model=_adjusted(main.model, adjusted)) if main.model else main for main in families)


def _adjusted(model: LinearModel, adjusted: Iterator[float]) -> LinearModel:
    """`model` with the next p-values of `adjusted`."""
    return replace(
        model, coefficients=tuple(replace(item, adjusted=float(next(adjusted))) for item in model.coefficients)
    )
