"""Effects: EERs of drawn speakers against counting, means by hand, planted effects, intervals without an effect."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from grid.core.errors import RequestError
from grid.metrics.crossed_resampling import (
    differences_by_codec,
    draw_seeds,
    draw_speakers,
    eers_of_draws,
    effect,
)
from grid.metrics.detection import eer

Array = NDArray[np.float64]
NAN = math.nan
Sizes = tuple[float, float, float, float, float]
"""Standard deviations in points: training, tested codec, residual, speaker, the exchanged codecs' own training."""
ALONE: Sizes = (0, 0, 4, 0, 0)
SHARED: Sizes = (2, 3, 3, 3, 1)


def trials(seed: int, *, speakers: int = 5, each: int = 7) -> tuple[tuple[Array, Array], tuple[list[str], list[str]]]:
    """Scores of both classes, and who speaks: every speaker as often in both."""
    draw = np.random.default_rng(seed)
    names = [f"s{number}" for number in range(speakers) for _ in range(each)]
    scores = draw.normal(1, 1, len(names)), draw.normal(0, 1, len(names))
    return scores, (names, names)


def test_eers_of_draws_are_those_of_the_repeated_trials() -> None:
    scores, speakers = trials(0)
    draws = draw_speakers(scores, speakers, replicates=50, generator=np.random.default_rng(1))
    assert (draws.weights.sum(axis=1) == 5).all()
    repeated = []
    for weights in draws.weights:
        times = dict(zip(draws.names, weights, strict=True))
        pair = (np.repeat(s, [times[n] for n in names]) for s, names in zip(scores, speakers, strict=True))
        repeated.append(eer(*pair).eer)
    np.testing.assert_allclose(eers_of_draws(scores, speakers, draws), repeated, atol=1e-12)


def test_eers_of_draws_without_trials_of_a_class_are_not_there() -> None:
    scores, speakers = trials(0)
    draws = draw_speakers(scores, speakers, replicates=200, generator=np.random.default_rng(1))
    first, rest = scores[1][:7], (np.array(speakers[1]) == "s0")[:7]
    found = eers_of_draws((scores[0], first[rest]), (speakers[0], ["s0"] * 7), draws)
    drawn = draws.weights[:, 0] > 0
    assert drawn.any()
    assert not drawn.all()
    assert np.isfinite(found).tolist() == drawn.tolist()


def test_a_single_speaker_cannot_be_drawn() -> None:
    scores, speakers = trials(0, speakers=1)
    with pytest.raises(RequestError, match="fewer than 2 groups"):
        draw_speakers(scores, speakers, replicates=10, generator=np.random.default_rng(0))


def test_seeds_are_drawn_as_often_as_there_are_seeds() -> None:
    drawn = draw_seeds(3, replicates=4000, generator=np.random.default_rng(0))
    assert (drawn.sum(axis=1) == 3).all()
    # one seed alone: 3 of the 27 draws
    assert np.mean(drawn.max(axis=1) == 3) == pytest.approx(3 / 27, abs=0.015)


def test_difference_is_the_mean_over_seeds_then_pairs_then_codecs() -> None:
    differences = np.array([[[0.1, NAN, 0.3], [0.3, NAN, 0.5]], [[0.0, 0.2, NAN], [NAN, 0.4, NAN]]])
    # codec 1: (mean(0.1, 0.3) + 0.0) / 2; codec 2: mean(0.2, 0.4); codec 3: mean(0.3, 0.5)
    by_codec = differences_by_codec(differences, np.array([1, 1]))
    np.testing.assert_allclose(by_codec, [0.1, 0.3, 0.4])
    found = effect(differences, None, np.ones((0, 2), dtype=np.int64), 0.95)
    assert (found.difference, found.codecs) == (pytest.approx(0.8 / 3), 3)
    assert math.isnan(found.lower)
    np.testing.assert_allclose(differences_by_codec(differences, np.array([2, 0])), [0.05, 0.2, 0.3])


def test_interval_is_over_the_seeds_drawn() -> None:
    observed = np.array([[[0.0, 0.0], [0.3, 0.3]]])
    weights = draw_seeds(2, replicates=1000, generator=np.random.default_rng(0))
    found = effect(observed, np.broadcast_to(observed, (1000, *observed.shape)), weights, 0.95)
    # both draws are of one seed in a quarter of the replicates each, so that the interval reaches both
    assert (found.difference, found.lower, found.upper) == (pytest.approx(0.15), 0.0, pytest.approx(0.3))


def test_interval_is_over_the_speakers_drawn() -> None:
    observed = np.array([[[0.1]]])
    resampled = np.linspace(-0.1, 0.3, 1001).reshape(1001, 1, 1, 1)
    found = effect(observed, resampled, np.ones((1001, 1), dtype=np.int64), 0.9)
    assert (found.lower, found.upper) == (pytest.approx(-0.08), pytest.approx(0.28))


def test_codecs_that_are_not_there_have_no_effect() -> None:
    found = effect(np.zeros((1, 2, 0)), None, np.ones((0, 2), dtype=np.int64), 0.95)
    assert math.isnan(found.difference)
    assert found.codecs == 0


def without_effect(
    draw: np.random.Generator, sizes: Sizes, *, seeds: int, codecs: int, simulations: int, speakers: int = 8
) -> Array:
    """Differences (simulations, seeds, codecs, speakers) in points, of mean zero: see the docstring of `effect`."""
    training, tested, residual, heard, own = sizes
    return (
        own * draw.normal(size=(simulations, 1, 1, 1))
        + training * draw.normal(size=(simulations, seeds, 1, 1))
        + tested * draw.normal(size=(simulations, 1, codecs, 1))
        + residual * draw.normal(size=(simulations, seeds, codecs, 1))
        + heard * draw.normal(size=(simulations, 1, 1, speakers))
        + 3 * draw.normal(size=(simulations, seeds, codecs, speakers))
    )


@pytest.mark.parametrize(
    ("sizes", "seeds", "share"),
    [(ALONE, 1, 0.64), (ALONE, 3, 0.19), (SHARED, 3, 0.22), (ALONE, 6, 0.09), (SHARED, 6, 0.21)],
)
def test_interval_leaves_out_zero_without_an_effect_as_often_as_its_docstring_says(
    sizes: Sizes, seeds: int, share: float
) -> None:
    draw, simulations, replicates = np.random.default_rng(0), 400, 200
    left_out = 0
    for by_speaker in without_effect(draw, sizes, seeds=seeds, codecs=9, simulations=simulations):
        speakers = draw.multinomial(8, np.full(8, 1 / 8), size=replicates) / 8
        resampled = np.moveaxis(by_speaker @ speakers.T, -1, 0)[:, None]
        weights = draw_seeds(seeds, replicates=replicates, generator=draw)
        found = effect(by_speaker.mean(axis=-1)[None], resampled, weights, 0.95)
        left_out += found.lower > 0 or found.upper < 0
    # three standard errors of 400 simulations, at most 0.024 each, and the coarser quantiles of 200 replicates
    assert left_out / simulations == pytest.approx(share, abs=0.08)


def test_tests_of_one_exchange_reject_too_often_where_detectors_and_codecs_are_shared() -> None:
    from scipy import stats

    draw = np.random.default_rng(0)
    signs = np.array(list(product((1, -1), repeat=9)))
    rejected = {}
    for sizes in (ALONE, SHARED):
        differences = without_effect(draw, sizes, seeds=3, codecs=9, simulations=2000).mean(axis=-1)
        by_codec = differences.mean(axis=1)
        flipped = np.abs(by_codec @ signs.T) >= np.abs(by_codec.sum(axis=1, keepdims=True)) - 1e-9
        over_seeds = stats.ttest_1samp(differences.mean(axis=2), 0, axis=1).pvalue
        rejected[sizes] = float(np.mean(flipped.mean(axis=1) <= 0.05)), float(np.mean(over_seeds <= 0.05))
    # both hold 5 % (standard error 0.005) where every difference is by itself, and neither where any is shared
    assert rejected[ALONE] == pytest.approx((0.05, 0.05), abs=0.015)
    assert rejected[SHARED] == pytest.approx((0.23, 0.13), abs=0.03)


@pytest.mark.parametrize(("planted", "is_found"), [(0.4, True), (0.0, False)])
def test_a_planted_effect_is_found_and_none_where_there_is_none(planted: float, is_found: bool) -> None:
    codecs, seeds, replicates = 10, 3, 500
    draw = np.random.default_rng(3)
    hard = draw.normal(0, 0.3, codecs)
    names = [f"s{number}" for number in range(8) for _ in range(20)]
    noise = draw.normal(0, 1, (2, len(names), codecs))
    observed, drawn, draws = np.empty((2, seeds, codecs)), np.empty((replicates, 2, seeds, codecs)), None
    for side, seed, codec in product(range(2), range(seeds), range(codecs)):
        own = 0.3 * draw.normal(0, 1, (2, len(names)))
        scores = (
            1 + noise[0, :, codec] + own[0],
            hard[codec] - planted * side + noise[1, :, codec] + own[1],
        )
        draws = draws or draw_speakers(scores, (names, names), replicates=replicates, generator=draw)
        observed[side, seed, codec] = eer(*scores).eer
        drawn[:, side, seed, codec] = eers_of_draws(scores, (names, names), draws)
    weights = draw_seeds(seeds, replicates=replicates, generator=draw)
    differences = (observed[1] - observed[0])[None]
    found = effect(differences, (drawn[:, 1] - drawn[:, 0])[:, None], weights, 0.95)
    assert (found.upper < 0) == is_found
    assert found.lower < found.difference < found.upper
