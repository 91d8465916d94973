"""The linear model of main effects: ordinary least squares on one mean EER per codec, with Student's t."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from grid.metrics.detection import FloatArray

FEWEST_DEGREES_OF_FREEDOM = 2
"""With a single one, Student's t needs 12.7 standard errors for p = 5 %."""


@dataclass(frozen=True)
class Coefficient:
    """The change of the response per unit of a column, with its confidence bounds, t and two-sided p-value.

    `adjusted` is the p-value corrected for all coefficients tested together; NaN without a correction.
    """

    estimate: float
    lower: float
    upper: float
    t: float
    p_value: float
    adjusted: float = math.nan


@dataclass(frozen=True)
class LinearModel:
    """The coefficients of the columns (not the intercept), and the standard deviation of the residuals."""

    coefficients: tuple[Coefficient, ...]
    residual: float
    degrees_of_freedom: int


def reason_not_fitted(responses: FloatArray, matrix: FloatArray) -> str:
    """Why `linear_model` cannot be fitted to these arguments, "" where it can."""
    codecs, parameters = matrix.shape
    if codecs < parameters + FEWEST_DEGREES_OF_FREEDOM:
        needed = parameters + FEWEST_DEGREES_OF_FREEDOM
        return f"{codecs} codecs are too few for {parameters} parameters, the intercept among them: it takes {needed}"
    if np.linalg.matrix_rank(matrix) < parameters:
        return "the codecs do not tell the terms apart: those that differ in one differ in another too"
    if np.ptp(responses) == 0:
        return "the EER of all codecs is the same"
    return ""


def linear_model(responses: FloatArray, matrix: FloatArray, level: float) -> LinearModel:
    """Ordinary least squares (statsmodels) of `responses` (codecs,) on `matrix` (codecs, parameters), intercept first.

    A response is the mean EER of one codec's trainings over the seeds of the detector, the same seeds for all codecs.
    If EER = terms + a normal deviation of the codec's training + one of the detector's (+ one of the seed, common to
    all codecs), these means have independent deviations of one variance but for the intercept, and Student's t with
    codecs - parameters degrees of freedom is exact.

    The mixed model with a random intercept of the codec (REML) gives the same estimates and, where its variance is
    above zero, the same standard errors, but treats them as known. With the 12 codecs of the controlled family (7
    parameters), 3 seeds, no effect, and a standard deviation of seeds 0.3 or 1 times that of codecs, p < 0.05 occurred
    in

    - 5.0 and 5.0 % of 200 000 simulations here,
    - 11 and 11 % of 400 by MixedLM's Wald tests (equal standard errors in 400 and 342 of them),
    - 39 and 22 % of 400 by least squares on all trainings as if they were independent.

    So there is no mixed model here.
    """
    from statsmodels.regression.linear_model import OLS  # takes a second

    fitted = OLS(responses, matrix).fit()
    bounds = fitted.conf_int(alpha=1 - level)
    estimates = zip(fitted.params, *bounds.T, fitted.tvalues, fitted.pvalues, strict=True)
    coefficients = tuple(Coefficient(*map(float, numbers)) for numbers in estimates)
    return LinearModel(coefficients[1:], math.sqrt(fitted.scale), int(fitted.df_resid))
