"""The conditional bootstrap: equal to the published package and to its recipe in a loop; missing classes, errors."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from grid.core.errors import RequestError
from grid.metrics.conditional_bootstrap import conditional_bootstrap_eer, conditional_replicates
from grid.metrics.detection import eer

Scores = NDArray[np.float64]

# bona fide and spoof trials of the 17 systems of CodecFake+ (CoSG_labels.txt)
SIZES = {
    "maskgct": (576, 576),
    "clamtts": (41, 78),
    "valle": (53, 57),
    "simplespeech1": (34, 32),
    "ns3": (32, 32),
    "simplespeech2": (31, 31),
    "gpst": (10, 30),
    "ns2": (23, 23),
    "singlecodec": (8, 14),
    "uniaudio": (11, 11),
    "ellav": (8, 8),
    "speechx": (8, 8),
    "tacolm": (8, 8),
    "viola": (7, 7),
    "ti1g1r": (6, 6),
    "ralle": (5, 5),
    "uslm": (5, 5),
}


def cosg(decimals: int) -> tuple[Scores, Scores, tuple[list[str], list[str]]]:
    """Scores by integer arithmetic for the 1,797 trials of CodecFake+, systems of unlike difficulty."""
    scores, names = [], []
    for number in range(2):
        systems = [name for name, sizes in SIZES.items() for _ in range(sizes[number])]
        k = np.arange(len(systems), dtype=np.int64)
        noise = ((k * k % 10007 * 31 + k * 7919 + number * 1729) % 10007) / 5003.0 - 1
        shift = np.array([((list(SIZES).index(name) * 37) % 17) / 17 for name in systems])
        scores.append(np.round(noise + (0.8 * shift if number == 0 else -0.6 * shift), decimals))
        names.append(systems)
    return scores[0], scores[1], (names[0], names[1])


# confidence_intervals 0.0.3 (luferrer/ConfidenceIntervals@4e408ca) with scikit-learn 1.9.1 and NumPy 2.4.6:
# Bootstrap(1000, metric).run and evaluate_with_conf_int, 1,000 sets and alpha 5, then 300 sets and alpha 10; the metric
# is the EER of this project, samples are bona fide then spoof, conditions the systems' places in the alphabet
PUBLISHED = {
    8: (
        [0.4653420636712576, 0.33062330623306235, 0.44808126410835214, 0.4575916230366492, 0.4262788365095286],
        0.4266407635774008,
        (0.281421188630491, 0.5014815629637299),
        (0.2883616071428572, 0.4963041472112764),
    ),
    1: (
        [0.4615729161299017, 0.3252126836813612, 0.45264284486664685, 0.46102604991976104, 0.42405523255813954],
        0.4270720524811364,
        (0.279516908012305, 0.5010666223598743),
        (0.2914357814878537, 0.4964391585178125),
    ),
}


@pytest.mark.parametrize("decimals", PUBLISHED)
@pytest.mark.slow
def test_conditional_bootstrap_on_codecfake_plus_gives_the_numbers_of_the_published_package(decimals: int) -> None:
    first, mean, interval, narrower = PUBLISHED[decimals]
    scores = cosg(decimals)
    replicates = conditional_replicates(*scores)
    np.testing.assert_allclose(replicates[:5], first, rtol=0, atol=1e-14)
    assert replicates.shape == (1000,)
    assert replicates.mean() == pytest.approx(mean, abs=1e-14)
    found = conditional_bootstrap_eer(*scores)
    assert (found.lower, found.upper) == pytest.approx(interval, abs=1e-12)
    assert found.replicates == 1000
    found = conditional_bootstrap_eer(*scores, replicates=300, level=0.9)
    assert (found.lower, found.upper) == pytest.approx(narrower, abs=1e-12)


def in_a_loop(bonafide: Scores, spoof: Scores, systems: tuple[list[str], list[str]], replicates: int) -> list[float]:
    """The recipe, one replicate after the other, each sorted anew."""
    scores, names = np.concatenate([bonafide, spoof]), np.array([*systems[0], *systems[1]])
    is_bonafide = np.arange(scores.size) < bonafide.size
    places = [np.flatnonzero(names == name) for name in np.unique(names)]
    found = []
    for seed in range(replicates):
        drawn = np.random.RandomState(seed).randint(0, len(places), len(places))
        chosen = []
        for system in np.unique(drawn):
            own = places[system]
            positions = own[np.random.RandomState(seed).randint(0, own.size, own.size)]
            chosen.append(np.repeat(positions, np.sum(drawn == system)))
        index = np.concatenate(chosen)
        parts = scores[index][is_bonafide[index]], scores[index][~is_bonafide[index]]
        found.append(eer(*parts).eer if all(map(len, parts)) else np.nan)
    return found


@pytest.mark.parametrize(("trials", "decimals"), [(40, 6), (40, 1), (9000, 6)])
def test_conditional_replicates_with_interleaved_systems_of_equal_size_equal_a_loop(trials: int, decimals: int) -> None:
    draw = np.random.default_rng(3)
    bonafide, spoof = np.round(draw.normal(1, 1, trials), decimals), np.round(draw.normal(0, 1, trials), decimals)
    names = [f"s{number % 4}" for number in range(trials)]
    others = [f"s{number % 7}" for number in range(trials)]
    fast = conditional_replicates(bonafide, spoof, (names, others), replicates=30)
    np.testing.assert_allclose(fast, in_a_loop(bonafide, spoof, (names, others), 30), rtol=0, atol=1e-15)


@pytest.mark.slow
def test_conditional_interval_of_a_single_attack_leaves_out_draws_that_lack_a_class() -> None:
    bonafide, spoof, (names, _) = cosg(6)
    attack, systems = spoof[:576], (names, ["maskgct"] * 576)
    replicates = conditional_replicates(bonafide, attack, systems)
    lacking = int(np.isnan(replicates).sum())
    assert 300 < lacking < 420  # (16/17)^17 = 36 % of the draws of 17 systems lack one of them
    assert conditional_bootstrap_eer(bonafide, attack, systems).replicates == 1000 - lacking


@pytest.mark.slow
def test_conditional_interval_is_wider_than_that_over_trials_where_systems_differ() -> None:
    from grid.metrics.intervals import bootstrap_eer

    bonafide, spoof, systems = cosg(6)
    over_systems = conditional_bootstrap_eer(bonafide, spoof, systems)
    over_trials = bootstrap_eer(bonafide, spoof, seed=0)
    assert over_systems.upper - over_systems.lower > 3 * (over_trials.upper - over_trials.lower)


def test_conditional_bootstrap_of_one_system_is_refused() -> None:
    with pytest.raises(RequestError, match="there is one, 'a'; draw its trials"):
        conditional_replicates([1.0, 2.0], [0.0], (["a", "a"], ["a"]))


def test_conditional_bootstrap_without_a_system_for_each_score_is_refused() -> None:
    with pytest.raises(RequestError, match="1 systems for 2 bonafide scores"):
        conditional_replicates([1.0, 2.0], [0.0], (["a"], ["b"]))


def test_conditional_bootstrap_of_classes_that_seldom_meet_in_a_draw_is_refused() -> None:
    # seeds 0 to 4 draw (0, 1), (1, 1), (0, 1), (0, 0) and (0, 0) of two systems
    found = conditional_bootstrap_eer([1.0], [0.0], (["a"], ["b"]), replicates=4)
    assert (found.upper, found.replicates) == (0.0, 2)
    with pytest.raises(RequestError, match=r"only 2 of 5 draws of systems in condition 'c' .*unit: utterance"):
        conditional_bootstrap_eer([1.0], [0.0], (["a"], ["b"]), replicates=5, condition="c")
