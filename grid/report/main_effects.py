"""Owns what a report needs of main effects: one linear model for each family of codecs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from grid.metrics.main_effects import Coefficient, LinearModel

Basis = Literal["better than chance", "outside the family", "all others"]
"""The codecs in the other place that the mean EER is over: those outside the family, without those with whom its mean
EER is above 50 % where there are such, and all but the codec itself where none is outside the family."""


@dataclass(frozen=True)
class MainEffects:
    """The model of one family: a coefficient for each of `terms` (words), or why there is none (`unfit`).

    `members` are its codecs, with the seeds in which all of their EERs are there; `codecs` is the number of codecs
    in the other place, and `left_out` are those outside the family with whom its mean EER is above 50 %; `troubles` say
    which trainings are missing.
    """

    family: str
    terms: tuple[str, ...]
    members: tuple[str, ...]
    seeds: tuple[int, ...]
    basis: Basis
    codecs: int
    model: LinearModel | None
    unfit: str = ""
    troubles: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def coefficient(self, words: str) -> Coefficient | None:
        """That of the term with these words, None where the model has none."""
        if self.model is None or words not in self.terms:
            return None
        return self.model.coefficients[self.terms.index(words)]
