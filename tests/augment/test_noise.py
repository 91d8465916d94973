"""Additive noise: the SNR that was asked for, segments of long and short recordings, and silence."""

from __future__ import annotations

import numpy as np
import pytest

from grid.augment.noise import add_noise, noise_segment
from grid.augment.power import mean_power
from grid.randomness import generator
from tests.augment.bank import speech


@pytest.mark.parametrize("snr", [-5.0, 0.0, 12.5, 40.0])
def test_add_noise_has_the_snr_asked_for(snr: float) -> None:
    waveform, noise = speech(8_000), speech(8_000, name="other", peak=0.01)
    result = add_noise(waveform, noise, snr)
    assert result.dtype == np.float32
    added = result.astype(np.float64) - waveform
    assert 10 * np.log10(mean_power(waveform) / np.mean(added**2)) == pytest.approx(snr, abs=0.01)
    assert np.corrcoef(added, noise)[0, 1] == pytest.approx(1, abs=1e-4)


def test_add_noise_to_or_of_silence_changes_nothing() -> None:
    waveform, silence = speech(500), np.zeros(500, np.float32)
    assert np.array_equal(add_noise(waveform, silence, 10), waveform)
    assert np.array_equal(add_noise(silence, waveform, 10), silence)


def test_noise_segment_of_a_long_recording_starts_anywhere_it_fits() -> None:
    recording, rng = np.arange(12, dtype=np.float32), generator("segments")
    assert {int(noise_segment(recording, 10, rng)[0]) for _ in range(60)} == {0, 1, 2}


def test_noise_segment_of_a_short_recording_repeats_it() -> None:
    segment = noise_segment(np.arange(5, dtype=np.float32), 12, generator("short"))
    assert np.array_equal(np.diff(segment) % 5, np.ones(11))
