"""Effects: EERs of drawn speakers against counting, means by hand, the test against all signs, planted effects."""

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
    sign_flip_p_value,
)
from grid.metrics.detection import eer

Array = NDArray[np.float64]
NAN = math.nan


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


def test_p_value_is_the_share_of_signs_whose_mean_is_as_far_from_zero() -> None:
    differences = np.array([0.02, 0.05, -0.01, 0.04, 0.03, 0.07, 0.015])
    means = [abs(np.mean(differences * signs)) for signs in product((1, -1), repeat=7)]
    share = np.mean(np.array(means) >= abs(differences.mean()) - 1e-12)
    assert sign_flip_p_value(differences, np.random.default_rng(0)) == pytest.approx(share)


def test_p_value_of_darwins_maize_is_fishers() -> None:
    # Fisher (1935), section 21: of the 2^15 sums of Darwin's 15 differences 863 are as large as his in each direction
    inches_of_eighths = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    found = sign_flip_p_value(np.array(inches_of_eighths, dtype=np.float64), np.random.default_rng(0))
    assert found == pytest.approx(2 * 863 / 2**15)


def test_p_value_needs_six_codecs() -> None:
    assert math.isnan(sign_flip_p_value(np.array([0.1, 0.2, 0.3, 0.4, 0.5, NAN]), np.random.default_rng(0)))
    assert sign_flip_p_value(np.full(6, 0.1), np.random.default_rng(0)) == pytest.approx(2 / 2**6)


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
    p_value = sign_flip_p_value(differences.mean(axis=(0, 1)), draw)
    assert (found.upper < 0) == is_found
    assert (p_value < 0.05) == is_found
    assert found.lower < found.difference < found.upper
