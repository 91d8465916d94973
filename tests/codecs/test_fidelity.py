"""The figures of what a codec did: known shifts, gains and spectra."""

from __future__ import annotations

import numpy as np
import pytest

from grid.codecs.fidelity import inspect_pair, lag, level_change, log_spectral_distance
from tests.support.speech import voiced


@pytest.mark.parametrize("shift", [-40, 0, 3, 700])
def test_lag_of_a_shifted_copy_is_the_shift(shift: int) -> None:
    speech = voiced(16_000)
    assert lag(speech, np.roll(speech, shift)) == shift


def test_half_the_amplitude_is_six_decibels_in_level_and_in_every_spectral_bin() -> None:
    noise = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    found = inspect_pair(noise, noise / 2)
    assert found.level_change == pytest.approx(-6.0206, abs=1e-3)
    assert found.log_spectral_distance == pytest.approx(6.0206, abs=0.01)
    assert found.correlation == pytest.approx(1.0)


def test_silence_has_no_level_change_and_no_distance_from_itself() -> None:
    silence = np.zeros(2_000, dtype=np.float32)
    assert np.isnan(level_change(silence, silence))
    assert log_spectral_distance(silence, silence) == 0.0
