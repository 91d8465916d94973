"""Owns the step from the EERs of trainings to the effect of each attribute of a codec: by contrast, and by pair."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from grid.codec_eers import CodecEers
from grid.codecs.catalogue import Catalogue
from grid.codecs.entry import CatalogueEntry
from grid.config.effects import EffectChoice
from grid.matched_pairs import Contrast, value_of
from grid.metrics.detection import FloatArray, IntArray
from grid.metrics.effects import Effect, differences_by_codec, draw_seeds, effect, sign_flip_p_value
from grid.randomness import generator
from grid.report.effects import TESTED, EffectRow, Effects, Tested
from grid.status import Status

Place = tuple[str, int]
"""The codec and the seed of a training."""
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Trained:
    """The trainings of one policy and detector: the state of each, and on one evaluation the EERs of those done."""

    evaluation: str
    policy: str
    detector: str
    eers: dict[Place, CodecEers]
    states: dict[Place, Status]


def effects_of(
    trained: Trained,
    tested: tuple[str, ...],
    speakers: int,
    found: Sequence[Contrast],
    catalogue: Catalogue,
    choice: EffectChoice,
) -> Effects:
    """The contrasts that these trainings have pairs of, each followed by its pairs where these are several.

    `tested` are the codecs of the EERs, in their order; `speakers` were drawn for them, 0 where none could be.
    """
    here = {codec for codec, _ in trained.states}
    held = [replace(each, pairs=tuple(pair for pair in each.pairs if here.issuperset(pair))) for each in found]
    held = [each for each in held if each.pairs]
    seeds = _common_seeds(trained, tuple(pair for each in held for pair in each.pairs))
    rows = _Rows(trained, tested, catalogue, choice.level, seeds, _weights(trained, len(seeds), choice))
    made = []
    for each in held:
        made.append(rows.row(each, each.pairs, pooled=True))
        if len(each.pairs) > 1:
            made += [rows.row(each, (pair,), pooled=False) for pair in each.pairs]
    return _corrected(
        Effects(
            evaluation=trained.evaluation,
            policy=trained.policy,
            detector=trained.detector,
            level=choice.level,
            replicates=choice.replicates,
            seeds=seeds,
            speakers=speakers,
            rows=tuple(made),
        )
    )


def _common_seeds(trained: Trained, pairs: Pairs) -> tuple[int, ...]:
    """The seeds in which both trainings of some pair are done."""
    seeds = dict.fromkeys(seed for _, seed in trained.states)
    return tuple(seed for seed in seeds if any(_both(trained, pair, seed) for pair in pairs))


def _both(trained: Trained, pair: tuple[str, str], seed: int) -> bool:
    return all((codec, seed) in trained.eers for codec in pair)


def _weights(trained: Trained, seeds: int, choice: EffectChoice) -> IntArray:
    """How often each seed is drawn, (replicates, seeds): the same for all rows, and for both sides of every pair."""
    if not seeds:
        return np.zeros((choice.replicates, 0), dtype=np.int64)
    draw = generator("effects", trained.evaluation, "seeds")
    return draw_seeds(seeds, replicates=choice.replicates, generator=draw)


@dataclass(frozen=True)
class _Rows:
    """What all rows share."""

    trained: Trained
    codecs: tuple[str, ...]
    catalogue: Catalogue
    level: float
    seeds: tuple[int, ...]
    weights: IntArray

    def row(self, contrast: Contrast, pairs: Pairs, *, pooled: bool) -> EffectRow:
        observed, resampled = self._observed(pairs), self._resampled(pairs)
        effects = []
        for tested in TESTED:
            wanted = self._tested(contrast, tested)
            drawn = None if resampled is None else resampled[..., wanted]
            found = effect(observed[..., wanted], drawn, self.weights, self.level)
            if pooled:
                found = self._with_test(found, observed[..., wanted], contrast, tested)
            effects.append(found)
        there = tuple(seed for seed in self.seeds if any(_both(self.trained, pair, seed) for pair in pairs))
        return EffectRow(contrast, pairs, pooled, there, tuple(effects), self._troubles(pairs))

    def _observed(self, pairs: Pairs) -> FloatArray:
        """EER of the second codec's training minus that of the first's, (pairs, seeds, tested codecs)."""
        differences = np.full((len(pairs), len(self.seeds), len(self.codecs)), np.nan)
        for p, pair in enumerate(pairs):
            for s, seed in enumerate(self.seeds):
                if _both(self.trained, pair, seed):
                    before, after = (self.trained.eers[codec, seed] for codec in pair)
                    differences[p, s] = after.observed - before.observed
            differences[p, :, np.isin(self.codecs, pair)] = np.nan
        return differences

    def _resampled(self, pairs: Pairs) -> FloatArray | None:
        """The same on drawn speakers, (replicates, pairs, seeds, tested codecs); None where nothing can be drawn."""
        observed = self._observed(pairs)
        if not any(eers.resampled is not None for eers in self.trained.eers.values()):
            return np.broadcast_to(observed, (len(self.weights), *observed.shape)) if len(self.seeds) > 1 else None
        differences = np.full((len(self.weights), *observed.shape), np.nan)
        for p, pair in enumerate(pairs):
            for s, seed in enumerate(self.seeds):
                if _both(self.trained, pair, seed):
                    before, after = (self.trained.eers[codec, seed].resampled for codec in pair)
                    assert before is not None
                    assert after is not None
                    differences[:, p, s] = after - before
        differences[:, np.isnan(observed)] = np.nan
        return differences

    def _tested(self, contrast: Contrast, tested: Tested) -> NDArray[np.bool_]:
        """Which codecs a column of the table holds; those of a pair are left out with its differences."""
        known = {entry.name: entry for entry in self.catalogue}
        return np.array([_belongs(known.get(codec), contrast, tested) for codec in self.codecs], dtype=np.bool_)

    def _with_test(self, found: Effect, observed: FloatArray, contrast: Contrast, tested: Tested) -> Effect:
        units = differences_by_codec(observed, np.ones(len(self.seeds), dtype=np.int64))
        draw = generator("effects", self.trained.evaluation, contrast.family, contrast.words, tested)
        return replace(found, p_value=sign_flip_p_value(units, draw))

    def _troubles(self, pairs: Pairs) -> tuple[str, ...]:
        states = self.trained.states.items()
        wanted = {codec for pair in pairs for codec in pair}
        return tuple(
            f"{codec}, seed {seed}: {state}" for (codec, seed), state in states if codec in wanted and state != "done"
        )


def _belongs(entry: CatalogueEntry | None, contrast: Contrast, tested: Tested) -> bool:
    if tested == "all others":
        return True
    if tested == "outside the family":
        return entry is None or entry.family != contrast.family
    wanted = contrast.before if tested == "like the first" else contrast.after
    return entry is not None and value_of(entry, contrast.attribute) == wanted


def _corrected(made: Effects) -> Effects:
    """With p-values adjusted for all contrasts on the same tested codecs, those of the noise floor among themselves."""
    from statsmodels.stats.multitest import multipletests  # takes a second

    effects = [list(row.effects) for row in made.rows]
    floor = [row.contrast.is_noise_floor for row in made.rows]
    for column, kind in product(range(len(TESTED)), (False, True)):
        of_kind = [own for own, is_floor in zip(effects, floor, strict=True) if is_floor == kind]
        together = [own for own in of_kind if not math.isnan(own[column].p_value)]
        if not together:
            continue
        _, corrected, *_ = multipletests([own[column].p_value for own in together], method="holm")
        for own, adjusted in zip(together, corrected, strict=True):
            own[column] = replace(own[column], adjusted=float(adjusted))
    rows = (replace(row, effects=tuple(own)) for row, own in zip(made.rows, effects, strict=True))
    return replace(made, rows=tuple(rows))
