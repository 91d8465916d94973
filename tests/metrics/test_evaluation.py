"""The measurement of one condition: all fields by hand, errors, float32 scores."""

from __future__ import annotations

import numpy as np
import pytest

from grid.core.errors import RequestError
from grid.metrics.evaluation import Measurement, measure
from grid.metrics.intervals import bootstrap_eer


def test_measure_hand_computed_scores_give_all_fields() -> None:
    bonafide, spoof = [1.0, 2.0, 3.0, 4.0], [0.0, 1.0]
    interval = bootstrap_eer(bonafide, spoof, seed=3, replicates=50)
    # Points (FRR, FAR): (0,1) (0,1/2) (1/4,0): the lines meet at 1/6. minDCF: min(.95/4, .5/2) / .5 = 0.475.
    expected = Measurement("T-CoRS", "codec=mimi", 1 / 6, interval.lower, interval.upper, 0.475, 4, 2, 2.5, 0.5)
    result = measure("T-CoRS", "codec=mimi", bonafide, spoof, seed=3, replicates=50)
    assert result.eer == pytest.approx(expected.eer)
    assert result.min_dcf == pytest.approx(expected.min_dcf)
    assert (result.eer_lower, result.eer_upper) == (interval.lower, interval.upper)
    assert (result.n_bonafide, result.n_spoof) == (4, 2)
    assert (result.bonafide_mean, result.spoof_mean) == (2.5, 0.5)
    assert (result.evaluation, result.condition) == ("T-CoRS", "codec=mimi")


def test_measure_missing_class_names_evaluation_and_condition() -> None:
    with pytest.raises(RequestError, match=r"no spoof trials in condition 'T-CoSG/attack=ms5'"):
        measure("T-CoSG", "attack=ms5", [1.0], [])


def test_measure_accepts_float32_arrays_of_a_detector() -> None:
    generator = np.random.default_rng(0)
    bonafide = generator.normal(1, 1, 30).astype(np.float32)
    spoof = generator.normal(0, 1, 30).astype(np.float32)
    assert measure("a", "pooled", bonafide, spoof) == measure("a", "pooled", bonafide.tolist(), spoof.tolist())
