"""The paired bootstrap: equal to a naive loop, the gain from pairing, speakers, determinism, errors."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from grid.core.errors import RequestError
from grid.metrics.conditional_bootstrap import conditional_replicates
from grid.metrics.detection import eer
from grid.metrics.differences import compare, paired_replicates
from grid.metrics.intervals import bootstrap_replicates

Scores = tuple[NDArray[np.float64], NDArray[np.float64]]


def correlated(seed: int, bonafide: int = 60, spoof: int = 90) -> tuple[Scores, Scores]:
    """The scores of two detectors that find the same trials hard; the second is the better one."""
    draw = np.random.default_rng(seed)
    hard = (draw.normal(0, 1, bonafide), draw.normal(0, 1, spoof))
    first = (1.0 + hard[0] + 0.1 * draw.normal(0, 1, bonafide), hard[1] + 0.1 * draw.normal(0, 1, spoof))
    second = (1.6 + hard[0] + 0.1 * draw.normal(0, 1, bonafide), hard[1] + 0.1 * draw.normal(0, 1, spoof))
    return first, second


@pytest.mark.parametrize("decimals", [1, 8])
def test_paired_replicates_of_trials_equal_a_naive_loop_on_the_same_draws(decimals: int) -> None:
    first, second = (tuple(np.round(part, decimals) for part in pair) for pair in correlated(0, 12, 20))
    fast = paired_replicates(first, second, replicates=40, seed=5)  # type: ignore[arg-type]
    draw = np.random.default_rng(5)
    chosen = [draw.integers(size, size=(40, size)) for size in (12, 20)]
    naive = [
        eer(first[0][b], first[1][s]).eer - eer(second[0][b], second[1][s]).eer
        for b, s in zip(chosen[0], chosen[1], strict=True)
    ]
    np.testing.assert_allclose(fast, naive, rtol=0, atol=1e-12)


def test_paired_replicates_in_several_chunks_keep_their_number_and_law(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = correlated(0, 12, 20)
    whole = paired_replicates(first, second, replicates=30, seed=1)
    monkeypatch.setattr("grid.metrics.differences.CHUNK_ELEMENTS", 32 * 7)
    parts = paired_replicates(first, second, replicates=30, seed=1)
    # each chunk draws both classes, so the draws are others
    assert parts.shape == whole.shape
    assert abs(parts.mean() - whole.mean()) < 0.05


def test_compare_pairing_gives_a_narrower_interval_than_independent_draws() -> None:
    first, second = correlated(1, 300, 300)
    found = compare("T-CoRS", "pooled", second, first, replicates=500)
    independent = bootstrap_replicates(*second, replicates=500, seed=1) - bootstrap_replicates(
        *first, replicates=500, seed=2
    )
    width = np.subtract(*np.quantile(independent, [0.975, 0.025]))
    assert found.difference == pytest.approx(eer(*second).eer - eer(*first).eer)
    assert found.difference_lower < found.difference < found.difference_upper < 0
    assert found.difference_upper - found.difference_lower < 0.7 * width


def test_compare_speakers_are_drawn_together_for_both_detectors() -> None:
    first, second = correlated(2)
    groups = ([f"s{i % 6}" for i in range(60)], [f"s{i % 6}" for i in range(90)])
    assert np.all(paired_replicates(first, first, replicates=50, seed=3, groups=groups) == 0)
    found = compare("a", "pooled", second, first, replicates=200, groups=groups)
    assert found.difference_lower <= found.difference <= found.difference_upper
    assert found == compare("a", "pooled", second, first, replicates=200, groups=groups)


def test_compare_same_scores_differ_by_nothing_in_every_replicate() -> None:
    first, _ = correlated(3)
    found = compare("a", "pooled", first, first, replicates=50)
    assert (found.difference, found.difference_lower, found.difference_upper) == (0, 0, 0)


def test_compare_other_numbers_of_trials_is_an_error_that_names_the_place() -> None:
    first, second = correlated(4)
    with pytest.raises(RequestError, match=r"All/pooled: \(60, 90\) and \(59, 90\)"):
        compare("All", "pooled", first, (second[0][1:], second[1]))


@pytest.mark.slow
def test_compare_over_systems_pairs_the_replicates_of_the_conditional_bootstrap() -> None:
    first, second = correlated(2, 60, 60)
    names = [f"s{number % 6}" for number in range(60)]
    found = compare("T", "pooled", first, second, systems=(names, names))
    replicates = [conditional_replicates(*scores, (names, names)) for scores in (first, second)]
    lower, upper = np.quantile(replicates[0] - replicates[1], [0.025, 0.975])
    assert (found.difference_lower, found.difference_upper) == pytest.approx((lower, upper), abs=1e-15)
