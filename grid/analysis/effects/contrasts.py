"""Owns the step from EERs to the effect of each attribute of a codec: by contrast, and by pair."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from grid.analysis.effects.eers_by_codec import Exchange
from grid.analysis.effects.results import OTHERS, EffectRow, Effects, Others
from grid.codecs.catalogue import Catalogue
from grid.codecs.entry import CatalogueEntry
from grid.codecs.pairs import Contrast, value_of
from grid.config.analyses import EffectChoice
from grid.core.randomness import generator
from grid.metrics.crossed_resampling import Effect, differences_by_codec, draw_seeds, effect, sign_flip_p_value
from grid.metrics.detection import FloatArray, IntArray

CodecPairs = tuple[tuple[str, str], ...]


def effects_of(
    exchange: Exchange, speakers: int, found: Sequence[Contrast], catalogue: Catalogue, choice: EffectChoice
) -> Effects:
    """The contrasts whose pairs can be exchanged, each followed by its pairs where these are several.

    `speakers` were drawn for the EERs, 0 where none could be.
    """
    held = [
        replace(each, pairs=tuple(pair for pair in each.pairs if set(pair) <= set(exchange.codecs))) for each in found
    ]
    held = [each for each in held if each.pairs]
    seeds = _common_seeds(exchange, tuple(pair for each in held for pair in each.pairs))
    worse = _worse_than_chance(exchange, held)
    rows = _Rows(exchange, catalogue, choice.level, seeds, _weights(exchange, len(seeds), choice), worse)
    made = []
    for each in held:
        made.append(rows.row(each, each.pairs, pooled=True))
        if len(each.pairs) > 1:
            made += [rows.row(each, (pair,), pooled=False) for pair in each.pairs]
    return _corrected(
        Effects(
            evaluation=exchange.evaluation,
            policy=exchange.policy,
            detector=exchange.detector,
            side=exchange.side,
            level=choice.level,
            replicates=choice.replicates,
            seeds=tuple(exchange.seeds[place] for place in seeds),
            speakers=speakers,
            rows=tuple(made),
            worse_than_chance=worse,
        )
    )


def _worse_than_chance(exchange: Exchange, held: Sequence[Contrast]) -> dict[str, tuple[str, ...]]:
    """By family: the others with whom its codecs have a mean EER above 50 %."""
    families = dict.fromkeys(each.family for each in held)
    codecs = {
        family: dict.fromkeys(codec for each in held if each.family == family for pair in each.pairs for codec in pair)
        for family in families
    }
    return {family: exchange.worse_than_chance(list(members)) for family, members in codecs.items()}


def _common_seeds(exchange: Exchange, pairs: CodecPairs) -> list[int]:
    """The places of the seeds in which some pair has a difference."""
    if not pairs:
        return []
    differences = _differences(exchange.observed, exchange, pairs)
    return [place for place in range(len(exchange.seeds)) if np.isfinite(differences[:, place]).any()]


def _differences(eers: FloatArray, exchange: Exchange, pairs: CodecPairs) -> FloatArray:
    """EER with the second codec minus EER with the first, (..., pairs, seeds, others), NaN on the two themselves."""
    first, second = (exchange.rows([pair[side] for pair in pairs]) for side in (0, 1))
    differences: FloatArray = eers[..., second, :, :] - eers[..., first, :, :]
    for place, pair in enumerate(pairs):
        differences[..., place, :, np.isin(exchange.others, pair)] = np.nan
    return differences


def _weights(exchange: Exchange, seeds: int, choice: EffectChoice) -> IntArray:
    """How often each seed is drawn, (replicates, seeds): the same for all rows, and for both sides of every pair."""
    if not seeds:
        return np.zeros((choice.replicates, 0), dtype=np.int64)
    draw = generator("effects", exchange.evaluation, "seeds")
    return draw_seeds(seeds, replicates=choice.replicates, generator=draw)


@dataclass(frozen=True)
class _Rows:
    """What all rows share; `seeds` are places in those of the exchange, `worse` the others by family."""

    exchange: Exchange
    catalogue: Catalogue
    level: float
    seeds: list[int]
    weights: IntArray
    worse: Mapping[str, tuple[str, ...]]

    def row(self, contrast: Contrast, pairs: CodecPairs, *, pooled: bool) -> EffectRow:
        observed, resampled = self._observed(pairs), self._resampled(pairs)
        effects = []
        for others in OTHERS:
            wanted = self._wanted(contrast, others)
            drawn = None if resampled is None else resampled[..., wanted]
            found = effect(observed[..., wanted], drawn, self.weights, self.level)
            if pooled:
                found = self._with_test(found, observed[..., wanted], contrast, others)
            effects.append(found)
        there = np.flatnonzero(np.isfinite(observed).any(axis=(0, 2)))
        seeds = tuple(self.exchange.seeds[self.seeds[place]] for place in there)
        troubles = self.exchange.troubles([codec for pair in pairs for codec in pair])
        return EffectRow(contrast, pairs, pooled, seeds, tuple(effects), troubles)

    def _observed(self, pairs: CodecPairs) -> FloatArray:
        """The differences (pairs, seeds, others)."""
        return _differences(self.exchange.observed, self.exchange, pairs)[:, self.seeds]

    def _resampled(self, pairs: CodecPairs) -> FloatArray | None:
        """The same on drawn speakers, (replicates, pairs, seeds, others); None where nothing can be drawn."""
        if self.exchange.resampled is not None:
            return _differences(self.exchange.resampled, self.exchange, pairs)[:, :, self.seeds]
        observed = self._observed(pairs)
        return np.broadcast_to(observed, (len(self.weights), *observed.shape)) if len(self.seeds) > 1 else None

    def _wanted(self, contrast: Contrast, others: Others) -> NDArray[np.bool_]:
        """Which codecs a column of the table holds; those of a pair are left out with its differences."""
        known = {entry.name: entry for entry in self.catalogue}
        left_out = self.worse[contrast.family] if others == "better than chance" else ()
        return np.array(
            [codec not in left_out and _belongs(known.get(codec), contrast, others) for codec in self.exchange.others],
            dtype=np.bool_,
        )

    def _with_test(self, found: Effect, observed: FloatArray, contrast: Contrast, others: Others) -> Effect:
        units = differences_by_codec(observed, np.ones(len(self.seeds), dtype=np.int64))
        side, evaluation = self.exchange.side, self.exchange.evaluation
        draw = generator("effects", side, evaluation, contrast.family, contrast.words, others)
        return replace(found, p_value=sign_flip_p_value(units, draw))


def _belongs(entry: CatalogueEntry | None, contrast: Contrast, others: Others) -> bool:
    if others == "all others":
        return True
    if others in ("outside the family", "better than chance"):
        return entry is None or entry.family != contrast.family
    wanted = contrast.before if others == "like the first" else contrast.after
    return entry is not None and value_of(entry, contrast.attribute) == wanted


def _corrected(made: Effects) -> Effects:
    """With p-values adjusted for all contrasts with the same others, those of the noise floor among themselves."""
    from statsmodels.stats.multitest import multipletests  # takes a second

    effects = [list(row.effects) for row in made.rows]
    floor = [row.contrast.is_noise_floor for row in made.rows]
    for column, kind in product(range(len(OTHERS)), (False, True)):
        of_kind = [own for own, is_floor in zip(effects, floor, strict=True) if is_floor == kind]
        together = [own for own in of_kind if not math.isnan(own[column].p_value)]
        if not together:
            continue
        _, corrected, *_ = multipletests([own[column].p_value for own in together], method="holm")
        for own, adjusted in zip(together, corrected, strict=True):
            own[column] = replace(own[column], adjusted=float(adjusted))
    rows = (replace(row, effects=tuple(own)) for row, own in zip(made.rows, effects, strict=True))
    return replace(made, rows=tuple(rows))
