"""The linear model: equal to R and to the mixed model, false-positive rate without an effect, reasons for no fit."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from grid.metrics.linear_model import linear_model, reason_not_fitted

Array = NDArray[np.float64]

# The controlled family: Svq, Scq, Sem, Disent, Freq, one codec of half the bit rate, one trained twice
FAMILY = np.array(
    [
        [1, 0, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, -1],
        [1, 0, 0, 0, 0, 1, 0],
        [1, 0, 0, 1, 0, 0, 0],
        [1, 0, 0, 1, 0, 1, 0],
        [1, 0, 0, 0, 1, 0, 0],
        [1, 1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 1, 0],
        [1, 1, 0, 0, 1, 0, 0],
        [1, 0, 1, 0, 0, 0, 0],
        [1, 0, 1, 0, 0, 1, 0],
    ],
    dtype=np.float64,
)
PLANT_GROWTH = [
    [4.17, 5.58, 5.18, 6.11, 4.50, 4.61, 5.17, 4.53, 5.33, 5.14],
    [4.81, 4.17, 4.41, 3.59, 5.87, 3.83, 6.03, 4.89, 4.32, 4.69],
    [6.31, 5.12, 5.54, 5.50, 5.37, 5.29, 4.92, 6.15, 5.80, 5.26],
]


def trainings(draw: np.random.Generator, *, of_codecs: float, of_seeds: float, seeds: int = 3) -> Array:
    """EERs (codecs, seeds) without any effect, with deviations of codecs, of trainings, and of seeds."""
    codecs = of_codecs * draw.normal(size=(len(FAMILY), 1))
    return 0.2 + codecs + of_seeds * (draw.normal(size=(len(FAMILY), seeds)) + draw.normal(size=seeds))


def test_coefficients_are_those_of_r() -> None:
    # R: summary(lm(weight ~ group, data = PlantGrowth)), data of Dobson (1983)
    responses = np.concatenate([np.array(group) for group in PLANT_GROWTH])
    group = np.repeat([0, 1, 2], 10)
    matrix = np.column_stack([np.ones(30), group == 1, group == 2]).astype(np.float64)
    found = linear_model(responses, matrix, 0.95)
    assert [each.estimate for each in found.coefficients] == pytest.approx([-0.371, 0.494])
    assert [each.t for each in found.coefficients] == pytest.approx([-1.331, 1.772], abs=5e-4)
    assert [each.p_value for each in found.coefficients] == pytest.approx([0.1944, 0.0877], abs=5e-5)
    # confint(): half a width is qt(0.975, 27) = 2.0518 standard errors of 0.2788
    first = found.coefficients[0]
    assert (first.lower, first.upper) == pytest.approx((-0.371 - 0.5720, -0.371 + 0.5720), abs=2e-4)
    assert (found.residual, found.degrees_of_freedom) == (pytest.approx(0.6234, abs=5e-5), 27)


def test_estimates_and_errors_are_those_of_the_mixed_model_over_all_trainings() -> None:
    from statsmodels.regression.mixed_linear_model import MixedLM

    eers = trainings(np.random.default_rng(3), of_codecs=0.05, of_seeds=0.01)
    found = linear_model(eers.mean(axis=1), FAMILY, 0.95).coefficients
    mixed = MixedLM(eers.ravel(), np.repeat(FAMILY, 3, axis=0), np.repeat(np.arange(12), 3)).fit(reml=True)
    np.testing.assert_allclose([each.estimate for each in found], mixed.params[1:7], rtol=1e-6)
    np.testing.assert_allclose([each.estimate / each.t for each in found], mixed.bse[1:7], rtol=1e-3)
    # Student's t with 5 degrees of freedom against a normal: the same errors, wider intervals
    assert all(each.p_value > wald for each, wald in zip(found, mixed.pvalues[1:7], strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("of_seeds", [0.003, 0.03])
def test_without_an_effect_five_percent_are_rejected(of_seeds: float) -> None:
    draw = np.random.default_rng(0)
    p_values = [
        [each.p_value for each in linear_model(means, FAMILY, 0.95).coefficients]
        for means in (trainings(draw, of_codecs=0.01, of_seeds=of_seeds).mean(axis=1) for _ in range(600))
    ]
    # 600 simulations of 6 terms: a share of 0.05 has a standard error of 0.009 in a term
    rejected = (np.array(p_values) < 0.05).mean(axis=0)
    assert np.all(np.abs(rejected - 0.05) < 0.027)


def test_an_effect_that_was_planted_is_found() -> None:
    draw = np.random.default_rng(1)
    planted = np.array([0.2, 0.06, 0, 0, 0, -0.08, 0])
    responses = FAMILY @ planted + trainings(draw, of_codecs=0.01, of_seeds=0.005).mean(axis=1)
    found = linear_model(responses, FAMILY, 0.95).coefficients
    assert all(each.lower < effect < each.upper for each, effect in zip(found, planted[1:], strict=True))
    assert [each.p_value < 0.05 for each in found] == [True, False, False, False, True, False]


def test_models_that_cannot_speak_say_why() -> None:
    responses = np.arange(12.0)
    assert reason_not_fitted(responses, FAMILY) == ""
    assert reason_not_fitted(responses[:8], FAMILY[:8]).startswith("8 codecs are too few for 7 parameters")
    aliased = np.column_stack([FAMILY[:, :2], FAMILY[:, 1]])
    assert reason_not_fitted(responses, aliased).startswith("the codecs do not tell the terms apart")
    assert reason_not_fitted(np.zeros(12), FAMILY) == "the EER of all codecs is the same"
