"""The effect of each codec attribute on the EER, by contrast (all matched pairs pooled) and by single pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from grid.analysis.effects.eers_by_codec import Exchange
from grid.analysis.effects.results import OTHERS, EffectRow, Effects, Others
from grid.codecs.catalogue import Catalogue
from grid.codecs.entry import CatalogueEntry
from grid.codecs.pairs import Contrast, attribute_value
from grid.config.analyses import EffectChoice
from grid.core.randomness import generator
from grid.metrics.crossed_resampling import draw_seeds, effect
from grid.metrics.detection import FloatArray, IntArray

CodecPairs = tuple[tuple[str, str], ...]


def effects_of(
    exchange: Exchange, speakers: int, candidates: Sequence[Contrast], catalogue: Catalogue, choice: EffectChoice
) -> Effects:
    """The effects of those `candidates` that have pairs of codecs in `exchange`, each followed by its pairs if several.

    `speakers` is the number of speakers drawn for the EERs, 0 if none could be drawn.
    """
    available = [
        replace(contrast, pairs=tuple(pair for pair in contrast.pairs if set(pair) <= set(exchange.codecs)))
        for contrast in candidates
    ]
    available = [contrast for contrast in available if contrast.pairs]
    seeds = _common_seeds(exchange, tuple(pair for contrast in available for pair in contrast.pairs))
    worse = _worse_than_chance(exchange, available)
    builder = _RowBuilder(exchange, catalogue, choice.level, seeds, _weights(exchange, len(seeds), choice), worse)
    rows = []
    for contrast in available:
        rows.append(builder.row(contrast, contrast.pairs, pooled=True))
        if len(contrast.pairs) > 1:
            rows += [builder.row(contrast, (pair,), pooled=False) for pair in contrast.pairs]
    return Effects(
        evaluation=exchange.evaluation,
        policy=exchange.policy,
        detector=exchange.detector,
        side=exchange.side,
        level=choice.level,
        replicates=choice.replicates,
        seeds=tuple(exchange.seeds[index] for index in seeds),
        speakers=speakers,
        rows=tuple(rows),
        worse_than_chance=worse,
    )


def _worse_than_chance(exchange: Exchange, contrasts: Sequence[Contrast]) -> dict[str, tuple[str, ...]]:
    """By family: those of `exchange.others` for which its codecs have a mean EER above 50 %."""
    families = dict.fromkeys(contrast.family for contrast in contrasts)
    codecs = {
        family: dict.fromkeys(
            codec for contrast in contrasts if contrast.family == family for pair in contrast.pairs for codec in pair
        )
        for family in families
    }
    return {family: exchange.worse_than_chance(list(members)) for family, members in codecs.items()}


def _common_seeds(exchange: Exchange, pairs: CodecPairs) -> list[int]:
    """The indices of the seeds in which some pair has a difference."""
    if not pairs:
        return []
    differences = _differences(exchange.observed, exchange, pairs)
    return [index for index in range(len(exchange.seeds)) if np.isfinite(differences[:, index]).any()]


def _differences(eers: FloatArray, exchange: Exchange, pairs: CodecPairs) -> FloatArray:
    """EER with the second codec minus EER with the first, (..., pairs, seeds, others); NaN on the two themselves."""
    first, second = (exchange.rows([pair[side] for pair in pairs]) for side in (0, 1))
    differences: FloatArray = eers[..., second, :, :] - eers[..., first, :, :]
    for index, pair in enumerate(pairs):
        differences[..., index, :, np.isin(exchange.others, pair)] = np.nan
    return differences


def _weights(exchange: Exchange, seeds: int, choice: EffectChoice) -> IntArray:
    """How often each seed is drawn, (replicates, seeds): the same for all rows, and for both sides of every pair."""
    if not seeds:
        return np.zeros((choice.replicates, 0), dtype=np.int64)
    draw = generator("effects", exchange.evaluation, "seeds")
    return draw_seeds(seeds, replicates=choice.replicates, generator=draw)


@dataclass(frozen=True)
class _RowBuilder:
    """The input shared by all rows: `seeds` are indices into `exchange.seeds`, `worse` is by family."""

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
            columns = self._columns(contrast, others)
            drawn = None if resampled is None else resampled[..., columns]
            effects.append(effect(observed[..., columns], drawn, self.weights, self.level))
        measured = np.flatnonzero(np.isfinite(observed).any(axis=(0, 2)))
        seeds = tuple(self.exchange.seeds[self.seeds[index]] for index in measured)
        troubles = self.exchange.troubles([codec for pair in pairs for codec in pair])
        return EffectRow(contrast, pairs, pooled, seeds, tuple(effects), troubles)

    def _observed(self, pairs: CodecPairs) -> FloatArray:
        """The differences (pairs, seeds, others)."""
        return _differences(self.exchange.observed, self.exchange, pairs)[:, self.seeds]

    def _resampled(self, pairs: CodecPairs) -> FloatArray | None:
        """The differences on drawn speakers, (replicates, pairs, seeds, others); None if nothing can be drawn."""
        if self.exchange.resampled is not None:
            return _differences(self.exchange.resampled, self.exchange, pairs)[:, :, self.seeds]
        observed = self._observed(pairs)
        return np.broadcast_to(observed, (len(self.weights), *observed.shape)) if len(self.seeds) > 1 else None

    def _columns(self, contrast: Contrast, others: Others) -> NDArray[np.bool_]:
        """The mask (others,) of the codecs of kind `others`; the two codecs of a pair are NaN in its differences."""
        entries = {entry.name: entry for entry in self.catalogue}
        left_out = self.worse[contrast.family] if others == "better than chance" else ()
        return np.array(
            [
                codec not in left_out and _belongs(entries.get(codec), contrast, others)
                for codec in self.exchange.others
            ],
            dtype=np.bool_,
        )


def _belongs(entry: CatalogueEntry | None, contrast: Contrast, others: Others) -> bool:
    if others == "all others":
        return True
    if others in ("outside the family", "better than chance"):
        return entry is None or entry.family != contrast.family
    value = contrast.before if others == "like the first" else contrast.after
    return entry is not None and attribute_value(entry, contrast.attribute) == value
