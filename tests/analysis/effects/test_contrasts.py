"""Contrasts from given EERs: means computed by hand, the tested codecs of each column, missing trainings."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from grid.analysis.effects.contrasts import effects_of
from grid.analysis.effects.eers_by_codec import CodecEers, Exchange, exchange_of_training
from grid.analysis.effects.results import EffectRow, Effects
from grid.codecs.catalogue import Catalogue
from grid.codecs.pairs import contrasts
from grid.config.analyses import EffectChoice
from tests.codecs.test_matched_pairs import entry

MEMBERS = ("a", "b", "c", "d", "again")
FAMILY = (
    entry("a"),
    entry("b", qua="Svq"),
    entry("c", dec="Freq"),
    entry("d", qua="Svq", dec="Freq"),
    entry("again", training_seed=1),
)
STRANGERS = tuple(entry(f"x{number}", family="other", qua="Svq") for number in range(6))
CATALOGUE = Catalogue((*FAMILY, *STRANGERS))
TESTED = ("unknown", *(each.name for each in CATALOGUE))
CHOICE = EffectChoice(evaluation="E", replicates=200)
EFFECT = {"a": 0.10, "b": 0.16, "c": 0.11, "d": 0.19, "again": 0.10}


def eers(codec: str, seed: int, *, resampled: bool) -> CodecEers:
    """EERs that depend on the training (0.01 higher with every seed) and a little on the tested codec."""
    observed = EFFECT[codec] + 0.01 * seed + 0.001 * np.arange(len(TESTED))
    drawn = observed + 0.02 * np.sin(np.arange(200) + len(codec))[:, None] if resampled else None
    return CodecEers(observed, drawn)


def exchange(*, seeds: int = 2, resampled: bool = True, missing: tuple[tuple[str, int], ...] = ()) -> Exchange:
    places = [(codec, seed) for codec in MEMBERS for seed in range(seeds)]
    return exchange_of_training(
        ("E", "spoof", "lcnn"),
        TESTED,
        {place: eers(*place, resampled=resampled) for place in places if place not in missing},
        {place: "failed" if place in missing else "done" for place in places},
    )


def made(*, seeds: int = 2, resampled: bool = True, missing: tuple[tuple[str, int], ...] = ()) -> Effects:
    found = exchange(seeds=seeds, resampled=resampled, missing=missing)
    return effects_of(found, 8 if resampled else 0, contrasts(FAMILY), CATALOGUE, CHOICE)


def row(effects: Effects, words: str, *pair: str) -> EffectRow:
    (found,) = [
        each
        for each in effects.rows
        if each.contrast.words == words and (each.pairs == (pair,) if pair else each.pooled)
    ]
    return found


def test_contrast_is_the_mean_over_its_pairs_and_each_pair_follows() -> None:
    effects = made()
    assert [(each.contrast.words, len(each.pairs)) for each in effects.rows] == [
        ("QUA Mvq to Svq", 2),
        ("QUA Mvq to Svq", 1),
        ("QUA Mvq to Svq", 1),
        ("DEC Time to Freq", 2),
        ("DEC Time to Freq", 1),
        ("DEC Time to Freq", 1),
        ("training seed 0 to 1", 1),
    ]
    outside = row(effects, "QUA Mvq to Svq").effect("outside the family")
    assert (outside.difference, outside.codecs) == (pytest.approx((0.06 + 0.08) / 2), 7)
    alone = row(effects, "QUA Mvq to Svq", "a", "b").effect("outside the family")
    assert alone.difference == pytest.approx(0.06)
    assert outside.lower < outside.difference < outside.upper


def test_columns_hold_the_codecs_with_either_value_and_never_the_two() -> None:
    alone = row(made(), "QUA Mvq to Svq", "a", "b")
    assert [effect.codecs for effect in alone.effects] == [len(TESTED) - 2, 2, 7, 7, 7]
    # over both pairs every member is tested by one of them at least: a and b by the other, and `again` by both
    pooled = row(made(), "QUA Mvq to Svq")
    assert [effect.codecs for effect in pooled.effects] == [len(TESTED), 3, 8, 7, 7]
    # a and b are tested by the pair (c, d), c and d by (a, b), the other 8 by both
    assert pooled.effect("all others").difference == pytest.approx((2 * 0.08 + 2 * 0.06 + 8 * 0.07) / 12)


def test_a_seed_of_which_a_training_failed_is_left_out_and_told() -> None:
    found = row(made(missing=(("b", 1),)), "QUA Mvq to Svq", "a", "b")
    assert (found.seeds, found.troubles) == ((0,), ("b, seed 1: failed",))
    assert found.effect("outside the family").difference == pytest.approx(0.06)
    gone = made(missing=tuple((codec, seed) for codec in MEMBERS for seed in (0, 1)))
    assert gone.seeds == ()
    assert all(effect.codecs == 0 for each in gone.rows for effect in each.effects)


@pytest.mark.slow
def test_interval_needs_seeds_or_speakers() -> None:
    over_seeds = row(made(resampled=False, missing=(("b", 1),)), "QUA Mvq to Svq").effect("outside the family")
    # seed 0 has both pairs, 0.06 and 0.08; seed 1 only c to d: 0.08
    assert (over_seeds.lower, over_seeds.upper) == (pytest.approx(0.07), pytest.approx(0.08))
    neither = row(made(seeds=1, resampled=False), "QUA Mvq to Svq").effect("outside the family")
    assert math.isnan(neither.lower)
    speakers = row(made(seeds=1), "QUA Mvq to Svq").effect("outside the family")
    assert (speakers.lower, speakers.upper) == (pytest.approx(0.07), pytest.approx(0.07))


def test_from_the_other_side_the_trainings_stay_and_the_tested_codecs_are_exchanged() -> None:
    turned = exchange().other_side()
    assert (turned.side, turned.codecs, turned.others) == ("test", TESTED, MEMBERS)
    again = turned.other_side()
    np.testing.assert_array_equal(again.observed, exchange().observed)
    effects = effects_of(turned, 8, contrasts(FAMILY), CATALOGUE, CHOICE)
    assert (effects.side, effects.name) == ("test", "effects-test-e-spoof-lcnn")
    alone = row(effects, "QUA Mvq to Svq", "a", "b")
    # every EER is 0.001 higher on the next tested codec: b follows a, whatever was trained with; c, d, again did
    both = alone.effect("all others")
    assert (both.difference, both.codecs) == (pytest.approx(0.001), 3)
    assert (both.lower, both.upper) == (pytest.approx(0.001), pytest.approx(0.001))
    assert [effect.codecs for effect in alone.effects] == [3, 2, 1, 0, 0]


def test_tested_codecs_need_no_training_of_their_own() -> None:
    states = {(codec, 0): "done" for codec in ("x0", "x1")} | {("x2", 0): "failed"}
    found = {place: CodecEers(0.1 + 0.02 * np.arange(len(TESTED)), None) for place in states if place[0] != "x2"}
    trained = exchange_of_training(("E", "spoof", "lcnn"), TESTED, found, states)
    (pooled, *_) = effects_of(trained.other_side(), 0, contrasts(FAMILY), CATALOGUE, CHOICE).rows
    outside = pooled.effect("outside the family")
    assert (outside.difference, outside.codecs) == (pytest.approx(0.02), 2)
    assert pooled.troubles == ("x2, seed 0: failed",)
    assert effects_of(trained, 0, contrasts(FAMILY), CATALOGUE, CHOICE).rows == ()


def test_others_that_turn_a_detector_round_are_named_and_left_out_of_a_column() -> None:
    assert made().worse_than_chance == {"made": ()}
    found = exchange()
    turned = found.observed.copy()
    turned[:, :, TESTED.index("x3")] = 1 - turned[:, :, TESTED.index("x3")]
    effects = effects_of(replace(found, observed=turned), 8, contrasts(FAMILY), CATALOGUE, CHOICE)
    assert effects.worse_than_chance == {"made": ("x3",)}
    alone = row(effects, "QUA Mvq to Svq", "a", "b")
    mixed, better = alone.effect("outside the family"), alone.effect("better than chance")
    assert (mixed.codecs, mixed.difference) == (7, pytest.approx((6 * 0.06 - 0.06) / 7))
    assert (better.codecs, better.difference) == (6, pytest.approx(0.06))
