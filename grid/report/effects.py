"""Owns what a report needs of the effects of codec attributes: what an exchange of codecs did to the EER, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from grid.matched_pairs import Contrast
from grid.metrics.effects import Effect
from grid.metrics.main_effects import Coefficient
from grid.report.main_effects import MainEffects
from grid.report.slug import slug

Tested = Literal["all others", "like the first", "like the second", "outside the family"]
TESTED: tuple[Tested, ...] = get_args(Tested)
"""On which codecs, none of them one of the two: all, those with either value of the attribute, those unrelated."""


@dataclass(frozen=True)
class EffectRow:
    """A contrast over all its `pairs` of codecs (names) or one of them: an effect for each of `TESTED`.

    `seeds` are those in which both trainings of some pair are done, none where there is nothing to show; `troubles` say
    which trainings are missing.
    """

    contrast: Contrast
    pairs: tuple[tuple[str, str], ...]
    pooled: bool
    seeds: tuple[int, ...]
    effects: tuple[Effect, ...]
    troubles: tuple[str, ...] = ()

    def effect(self, tested: Tested) -> Effect:
        return self.effects[TESTED.index(tested)]


@dataclass(frozen=True)
class Effects:
    """All contrasts of one policy and detector on one evaluation, each pooled row followed by those of its pairs.

    Intervals have the confidence `level` and are over `seeds` and `speakers`; fewer than two of either are not drawn.
    `main` are the same trainings by families, with intervals over codecs.
    """

    evaluation: str
    policy: str
    detector: str
    level: float
    replicates: int
    seeds: tuple[int, ...]
    speakers: int
    rows: tuple[EffectRow, ...]
    main: tuple[MainEffects, ...] = ()

    @property
    def name(self) -> str:
        """That of its files."""
        return f"effects-{slug(self.evaluation)}-{slug(self.policy)}-{slug(self.detector)}"

    @property
    def title(self) -> str:
        return f"Effect of one attribute of a codec: {self.evaluation}, {self.detector}, policy {self.policy}"

    def pooled(self) -> tuple[EffectRow, ...]:
        return tuple(row for row in self.rows if row.pooled)

    def main_effect(self, contrast: Contrast) -> Coefficient | None:
        """The main effect of the exchange that a contrast is of, in the model of its codecs; None where there is none.

        A codec of a pair may be missing from the model, as one without a finished training is.
        """
        codecs = {codec for pair in contrast.pairs for codec in pair}
        models = [each for each in self.main if codecs.intersection(each.members)]
        return models[0].coefficient(contrast.words) if models else None
