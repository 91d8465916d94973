"""The conditional bootstrap on 100,000 scores, beside the published loop and beside its draws alone."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from grid.metrics.conditional_bootstrap import conditional_replicates
from grid.metrics.detection import eer
from tests.benchmarks.comparison import Contest

SCORES = 50_000
"""Of each class."""
SYSTEMS = 17
"""As CodecFake+ has, of unlike sizes."""
REPLICATES = 1_000
IN_THE_LOOP = 20


def one_after_the_other(
    scores: NDArray[np.float64], is_bonafide: NDArray[np.bool_], systems: NDArray[np.int64], replicates: int
) -> list[float]:
    """The published recipe: for each replicate a generator for each draw, a search for each system, and a sort."""
    indices, found = np.arange(scores.size), []
    for seed in range(replicates):
        names = np.unique(systems)
        drawn = names[np.random.RandomState(seed).choice(names.size, names.size)]
        chosen = []
        for system, times in zip(*np.unique(drawn, return_counts=True), strict=True):
            own = indices[systems == system]
            chosen.append(np.repeat(own[np.random.RandomState(seed).choice(own.size, own.size)], times))
        index = np.concatenate(chosen)
        drawn_scores, key = scores[index], is_bonafide[index]
        found.append(eer(drawn_scores[key], drawn_scores[~key]).eer)
    return found


def draws_alone(sizes: list[int], replicates: int) -> None:
    """The random numbers of that recipe and nothing else."""
    for seed in range(replicates):
        for system in np.unique(np.random.RandomState(seed).choice(len(sizes), len(sizes))):
            np.random.RandomState(seed).choice(sizes[system], sizes[system])


def draws_of_one_generator(sizes: list[int], replicates: int) -> None:
    """The same numbers without a new generator for each."""
    state = np.random.RandomState()
    for seed in range(replicates):
        state.seed(seed)
        for system in np.unique(state.randint(0, len(sizes), len(sizes))):
            state.seed(seed)
            state.randint(0, sizes[system], sizes[system])


def test_conditional_bootstrap(contest: Contest) -> None:
    draw = np.random.default_rng(0)
    share = np.arange(1, SYSTEMS + 1) / np.arange(1, SYSTEMS + 1).sum()
    systems = [draw.choice(SYSTEMS, SCORES, p=share) for _ in range(2)]
    scores = [draw.normal(mean, 1, SCORES) + 0.3 * np.sin(drawn) for mean, drawn in zip((1, -1), systems, strict=True)]
    named = ([f"s{system:02d}" for system in systems[0]], [f"s{system:02d}" for system in systems[1]])
    work = partial(conditional_replicates, scores[0], scores[1], named)
    published = partial(
        one_after_the_other, np.concatenate(scores), np.arange(2 * SCORES) < SCORES, np.concatenate(systems)
    )
    what = f"{REPLICATES} replicates, over {SYSTEMS} systems"
    contest.rate(
        what,
        "replicates/s",
        REPLICATES,
        partial(work, replicates=REPLICATES),
        {f"the published loop ({IN_THE_LOOP} replicates)": partial(published, IN_THE_LOOP)},
        rounds=1,
        share=IN_THE_LOOP / REPLICATES,
    )
    np.testing.assert_allclose(work(replicates=5), published(5), rtol=0, atol=1e-15)


def test_conditional_bootstrap_against_its_draws(contest: Contest) -> None:
    draw = np.random.default_rng(0)
    names = [f"s{system:02d}" for system in range(SYSTEMS) for _ in range(SCORES // SYSTEMS + 7 * system)]
    scores = [draw.normal(mean, 1, len(names)) for mean in (1, -1)]
    sizes = [2 * (SCORES // SYSTEMS + 7 * system) for system in range(SYSTEMS)]
    work = partial(conditional_replicates, scores[0], scores[1], (names, names), replicates=REPLICATES)
    contest.rate(
        f"{REPLICATES} replicates, over {SYSTEMS} systems of unlike sizes",
        "replicates/s",
        REPLICATES,
        work,
        {
            "drawing its random numbers alone": partial(draws_alone, sizes, REPLICATES),
            "the same, one generator": partial(draws_of_one_generator, sizes, REPLICATES),
        },
        rounds=2,
    )
    assert not np.isnan(work()).any()
