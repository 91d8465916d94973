"""Tests of grid.metrics.score_histogram: every trial of each class in one bin, both classes in the same bins."""

from __future__ import annotations

import numpy as np
import pytest

from grid.core.errors import RequestError
from grid.metrics.score_histogram import BINS, score_histogram


def test_score_histogram_counts_each_trial_in_its_bin() -> None:
    edges = np.linspace(-2.0, 2.0, BINS + 1)
    bonafide = [2.0, 1.95, edges[20] + 0.01]
    found = score_histogram(bonafide, [-2.0, -2.0, edges[20] + 0.02])
    assert (found.lowest, found.highest) == (-2.0, 2.0)
    assert {i: n for i, n in enumerate(found.bonafide) if n} == {20: 1, 39: 2}
    assert {i: n for i, n in enumerate(found.spoof) if n} == {0: 2, 20: 1}


def test_score_histogram_of_one_value_has_a_width() -> None:
    found = score_histogram([0.5, 0.5], [0.5])
    assert found.lowest < 0.5 < found.highest
    assert (sum(found.bonafide), sum(found.spoof)) == (2, 1)


def test_score_histogram_without_a_class_is_an_error() -> None:
    with pytest.raises(RequestError, match="no spoof trials in condition 'T-CoSG/pooled'"):
        score_histogram([0.5], [], condition="T-CoSG/pooled")
