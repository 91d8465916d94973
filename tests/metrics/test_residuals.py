"""Residual spectrograms and their similarity: alignment, signs, known values, input that is refused."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from grid.metrics.residuals import (
    DYNAMIC_RANGE,
    FFT_SAMPLES,
    HOP_SAMPLES,
    LARGEST_LAG,
    LEAST_SAMPLES,
    lag,
    pearson_correlation,
    residual,
    shifted,
    structural_similarity,
)
from tests.support.tiny_grid import waveform

SPEECH = waveform("speech", 120.0, 8000)
HALF = np.float32(0.5)


def field(seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 10, (40, 60)).astype(np.float32)


@pytest.mark.parametrize("delay", [-37, 0, 5, LARGEST_LAG])
def test_residual_of_a_delayed_copy_is_that_of_the_copy(delay: int) -> None:
    late = shifted(SPEECH, -delay, len(SPEECH))
    found = residual(SPEECH, late)
    assert found.lag == delay
    inner = found.spectrogram[:, -(-abs(delay) // HOP_SAMPLES) + 4 : -(-(-abs(delay) // HOP_SAMPLES) + 4)]
    assert np.abs(inner).max() == 0


def test_lag_of_unrelated_noise_is_none() -> None:
    noise = np.random.default_rng(1).standard_normal(8000).astype(np.float32)
    assert lag(SPEECH, noise) == 0


def test_residual_of_half_the_level_is_six_decibels() -> None:
    found = residual(SPEECH, SPEECH * HALF).spectrogram
    assert found.shape == (FFT_SAMPLES // 2 + 1, 1 + (len(SPEECH) - FFT_SAMPLES) // HOP_SAMPLES)
    loud = residual(SPEECH, np.zeros_like(SPEECH)).spectrogram > 20
    assert loud.any()
    assert found[loud] == pytest.approx(20 * np.log10(2), abs=1e-3)


def test_residual_of_what_a_codec_left_out_is_positive_and_ends_at_the_dynamic_range() -> None:
    found = residual(SPEECH, np.zeros_like(SPEECH)).spectrogram
    assert found.min() == 0
    assert found.max() == pytest.approx(DYNAMIC_RANGE)


@pytest.mark.parametrize("recording", [SPEECH[: LEAST_SAMPLES - 1], np.zeros(8000, np.float32)])
def test_residual_of_too_little_sound_is_refused(recording: NDArray[np.float32]) -> None:
    with pytest.raises(ValueError, match="samples of sound"):
        residual(recording, recording)


def test_similarities_of_equal_residuals_are_one_and_do_not_depend_on_the_order() -> None:
    one, other = field(0), field(1)
    for similarity in (structural_similarity, pearson_correlation):
        assert similarity(one, one) == pytest.approx(1)
        assert similarity(one, other) == pytest.approx(similarity(other, one))
        assert similarity(one, other) < 0.3


def test_structural_similarity_of_constant_fields_is_the_formula_of_wang() -> None:
    # Wang et al. (2004), equation 13: without variance only the luminance term is left, K1 = 0.01
    one, other = np.full((20, 20), 8, np.float32), np.full((20, 20), -4, np.float32)
    c1 = (0.01 * 2 * DYNAMIC_RANGE) ** 2
    assert structural_similarity(one, other) == pytest.approx((2 * 8 * -4 + c1) / (8**2 + 4**2 + c1))


def test_pearson_correlation_is_numpy_s_and_none_for_a_constant() -> None:
    one, other = field(0), field(0) + field(1)
    assert pearson_correlation(one, other) == pytest.approx(np.corrcoef(one.ravel(), other.ravel())[0, 1], abs=1e-6)
    assert np.isnan(pearson_correlation(one, np.zeros_like(one)))
