"""Owns the step from EERs to main effects: one linear model for each family, tested together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from grid.codecs.catalogue import Catalogue
from grid.exchange import Exchange
from grid.family_design import Design, designs
from grid.metrics.main_effects import LinearModel, linear_model, unfit
from grid.report.main_effects import Basis, MainEffects


def main_effects(exchange: Exchange, catalogue: Catalogue, level: float) -> tuple[MainEffects, ...]:
    """One model for each family of which codecs that differ in the taxonomy have an EER.

    p-values are adjusted (Holm) for all terms of all families.
    """
    there = np.flatnonzero(np.isfinite(exchange.observed).any(axis=(1, 2)))
    known = {exchange.codecs[place] for place in there}
    found = designs(entry for entry in catalogue if entry.name in known)
    return _corrected(tuple(_of_family(exchange, catalogue, design, level) for design in found))


def _of_family(exchange: Exchange, catalogue: Catalogue, design: Design, level: float) -> MainEffects:
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
