"""The results of effects of codec attributes: the change of the EER when one codec is replaced by another.

A codec has two roles in a trial: it is the training codec of the detector, or the codec of the tested speech. Either
can be exchanged while the other stays fixed. `side` says which role is exchanged, and `others` are the codecs in the
other role.
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
"""The codecs in the other role that a mean EER is over: those outside the family, without those for which the family's
mean EER is above 50 %, if any; all codecs but the member itself if none is outside the family. The first selects on the
outcome: the codecs are chosen by the EERs that the mean is of."""

Side = Literal["training", "test"]
"""Which codec is exchanged: the training codec or the tested codec."""
Others = Literal["all others", "like the first", "like the second", "outside the family", "better than chance"]
OTHERS: tuple[Others, ...] = get_args(Others)
"""The codecs in the other role, never the two that are exchanged: all of them; those with the first or the second value
of the attribute; those outside the family; and of the latter, those for which the family's mean EER is at most 50 %,
which selects on the outcome."""


@dataclass(frozen=True)
class MainEffects:
    """The model of one family: a coefficient for each of `terms` (words), or the reason why there is none (`unfit`).

    `members` are its codecs, and `seeds` those in which all of them have their EERs. `codecs` is the number of codecs
    in the other role that EERs are averaged over, and `left_out` are those outside the family for which its mean EER is
    above 50 %. `troubles` lists the missing trainings.
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
        """The coefficient of the term `words`; None without such a term or without a model."""
        if self.model is None or words not in self.terms:
            return None
        return self.model.coefficients[self.terms.index(words)]


@dataclass(frozen=True)
class EffectRow:
    """The effects of a contrast, one for each of `OTHERS`, over `pairs` of codec names: all (`pooled`) or one of them.

    `seeds` are those in which some pair has a difference, empty if no training is done. `troubles` lists the missing
    trainings.
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

    `side` is the role in which codecs are exchanged. Intervals have the confidence `level` and are over `seeds` and
    `speakers`; a unit with fewer than two members is not resampled. `main` are the main effects of the same trainings
    by family, with intervals over codecs. `worse_than_chance` are, by family, the codecs in the other role for which
    the mean EER of its codecs is above 50 %: there a lower EER is no better detector.
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
        """The name of its files, without suffix."""
        return f"effects-{self.side}-{slug(self.evaluation)}-{slug(self.policy)}-{slug(self.detector)}"

    @property
    def title(self) -> str:
        return f"Effect of one attribute of the {self.exchanged}: {self.view}"

    @property
    def exchanged(self) -> str:
        """The exchanged codec in words."""
        return "codec trained with" if self.side == "training" else "tested codec"

    @property
    def view(self) -> str:
        return f"{self.evaluation}, {self.detector}, policy {self.policy}"

    @property
    def has_content(self) -> bool:
        """Whether there is an effect, a model or a missing training to report."""
        return bool(self.main) or any(row.troubles or any(item.codecs for item in row.effects) for row in self.rows)

    def of_taxonomy(self) -> tuple[EffectRow, ...]:
        """The rows of the families that have a contrast of the taxonomy; all rows if no family has one.

        The bit-rate contrasts of another family are no noise floor for these families.
        """
        families = {row.contrast.family for row in self.rows if not row.contrast.is_noise_floor}
        return tuple(row for row in self.rows if row.contrast.family in families or not families)

    def left_out(self) -> dict[str, tuple[str, ...]]:
        """`worse_than_chance` of the families of `of_taxonomy`, without the families where it is empty."""
        families = dict.fromkeys(row.contrast.family for row in self.of_taxonomy())
        return {family: codecs for family in families if (codecs := self.worse_than_chance.get(family, ()))}

    def main_effect(self, contrast: Contrast) -> Coefficient | None:
        """The main effect of the same change as `contrast`, from the model of its codecs; None if there is none.

        Codecs of the contrast without a finished training are not in the model.
        """
        codecs = {codec for pair in contrast.pairs for codec in pair}
        models = [main for main in self.main if codecs.intersection(main.members)]
        return models[0].coefficient(contrast.words) if models else None
