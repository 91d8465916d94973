"""Owns what a report needs of the effects of codec attributes: what an exchange of codecs did to the EER, and where.

A codec has two places in a trial: a detector was trained with it, or it made what is tested. Either can be exchanged
while the other stays, so everything here has a side, and `others` are the codecs of the place that stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from grid.codecs.pairs import Contrast
from grid.core.identity import slug
from grid.metrics.crossed_resampling import Effect
from grid.metrics.linear_model import Coefficient, LinearModel

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


Side = Literal["training", "test"]
"""Which codec is exchanged: the one of the training, or the tested one."""
Others = Literal["all others", "like the first", "like the second", "outside the family", "better than chance"]
OTHERS: tuple[Others, ...] = get_args(Others)
"""In the other place, none of them one of the two: all, those with either value of the attribute, those unrelated, and
of these the ones with whom the mean EER of the family is 50 % at most."""


@dataclass(frozen=True)
class EffectRow:
    """A contrast over all its `pairs` of codecs (names) or one of them: an effect for each of `OTHERS`.

    `seeds` are those in which some pair has a difference, none where there is nothing to show; `troubles` say which
    trainings are missing.
    """

    contrast: Contrast
    pairs: tuple[tuple[str, str], ...]
    pooled: bool
    seeds: tuple[int, ...]
    effects: tuple[Effect, ...]
    troubles: tuple[str, ...] = ()

    def effect(self, others: Others) -> Effect:
        return self.effects[OTHERS.index(others)]


@dataclass(frozen=True)
class Effects:
    """All contrasts of one policy and detector on one evaluation, each pooled row followed by those of its pairs.

    `side` is that of the codecs which are exchanged.

    Intervals have the confidence `level` and are over `seeds` and `speakers`; fewer than two of either are not drawn.
    `main` are the same trainings by families, with intervals over codecs. `worse_than_chance` are, by family, the
    others with whom the mean EER of its codecs is above 50 %: there a lower EER is no better detector.
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
    side: Side = "training"
    worse_than_chance: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """That of its files."""
        return f"effects-{self.side}-{slug(self.evaluation)}-{slug(self.policy)}-{slug(self.detector)}"

    @property
    def title(self) -> str:
        return f"Effect of one attribute of the {self.exchanged}: {self.view}"

    @property
    def exchanged(self) -> str:
        """The codec that is, in words."""
        return "codec trained with" if self.side == "training" else "tested codec"

    @property
    def view(self) -> str:
        return f"{self.evaluation}, {self.detector}, policy {self.policy}"

    @property
    def says_something(self) -> bool:
        """Whether there is an effect, a model or a training that is missing; else every detector heard the two."""
        return bool(self.main) or any(row.troubles or any(each.codecs for each in row.effects) for row in self.rows)

    def of_taxonomy(self) -> tuple[EffectRow, ...]:
        """The rows of the families that have a contrast of the taxonomy, of all where none has.

        The bit rates of another family are no noise floor of these.
        """
        families = {row.contrast.family for row in self.rows if not row.contrast.is_noise_floor}
        return tuple(row for row in self.rows if row.contrast.family in families or not families)

    def left_out(self) -> dict[str, tuple[str, ...]]:
        """Those worse than chance of the families of `of_taxonomy`, without the families that have none."""
        families = dict.fromkeys(row.contrast.family for row in self.of_taxonomy())
        return {family: codecs for family in families if (codecs := self.worse_than_chance.get(family, ()))}

    def main_effect(self, contrast: Contrast) -> Coefficient | None:
        """The main effect of the exchange that a contrast is of, in the model of its codecs; None where there is none.

        A codec of a pair may be missing from the model, as one without a finished training is.
        """
        codecs = {codec for pair in contrast.pairs for codec in pair}
        models = [each for each in self.main if codecs.intersection(each.members)]
        return models[0].coefficient(contrast.words) if models else None
