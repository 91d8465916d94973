"""Owns the step from the EERs of trainings to main effects: one linear model for each family, tested together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from grid.codecs.catalogue import Catalogue
from grid.effect_rows import Trained
from grid.family_design import Design, designs
from grid.metrics.detection import FloatArray
from grid.metrics.main_effects import LinearModel, linear_model, unfit
from grid.report.main_effects import Basis, MainEffects


def main_effects(
    trained: Trained, tested: tuple[str, ...], catalogue: Catalogue, level: float
) -> tuple[MainEffects, ...]:
    """One model for each family of which codecs that differ in the taxonomy have a training that is done.

    `tested` are the codecs of the EERs, in their order. p-values are adjusted (Holm) for all terms of all families.
    """
    done = {codec for codec, _ in trained.eers}
    found = designs(entry for entry in catalogue if entry.name in done)
    return _corrected(tuple(_of_family(trained, tested, catalogue, design, level) for design in found))


def _of_family(
    trained: Trained, tested: tuple[str, ...], catalogue: Catalogue, design: Design, level: float
) -> MainEffects:
    family = {entry.name for entry in catalogue if entry.family == design.family}
    outside = np.array([codec not in family for codec in tested], dtype=np.bool_)
    basis: Basis = "outside the family" if outside.any() else "all others"
    seeds = _common_seeds(trained, design)
    states = trained.states.items()
    made = MainEffects(
        family=design.family,
        terms=tuple(term.words for term in design.terms),
        members=design.members,
        seeds=seeds,
        basis=basis,
        codecs=int(outside.sum()) if outside.any() else len(tested),
        model=None,
        troubles=tuple(f"{codec}, seed {seed}: {s}" for (codec, seed), s in states if codec in family and s != "done"),
    )
    if not seeds:
        return replace(made, unfit="there is no seed in which the trainings with all codecs are done")
    if not outside.any() and len(tested) < 2:
        return replace(made, unfit="no codec is tested but one that is trained with")
    wanted = [outside if outside.any() else np.array(tested) != member for member in design.members]
    responses = _responses(trained, design, seeds, wanted)
    if trouble := unfit(responses, design.matrix):
        return replace(made, unfit=trouble)
    return replace(made, model=linear_model(responses, design.matrix, level))


def _responses(
    trained: Trained, design: Design, seeds: Sequence[int], wanted: Sequence[NDArray[np.bool_]]
) -> FloatArray:
    """The mean EER (members,) over the seeds and over the tested codecs that are wanted of each member."""
    return np.array(
        [
            np.mean([trained.eers[member, seed].observed[columns] for seed in seeds])
            for member, columns in zip(design.members, wanted, strict=True)
        ]
    )


def _common_seeds(trained: Trained, design: Design) -> tuple[int, ...]:
    """The seeds in which every codec's training is done: others would mix what a seed does with what a codec does."""
    seeds = dict.fromkeys(seed for _, seed in trained.states)
    return tuple(seed for seed in seeds if all((member, seed) in trained.eers for member in design.members))


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
