"""The shortcut features of signals whose values are known by construction."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import firwin, lfilter

from grid.metrics.shortcut_features import FRAMES_AT_ONCE, NO_LEVEL, clipping, features, speech_span

RATE = 16_000


def noise(samples: int, amplitude: float = 0.1) -> np.ndarray:
    return (amplitude * np.random.default_rng(0).standard_normal(samples)).astype(np.float32)


def test_features_of_a_full_scale_sine_are_its_length_its_level_and_its_frequency() -> None:
    sine = np.sin(2 * np.pi * 1000 * np.arange(RATE // 2) / RATE).astype(np.float32)
    found = features(sine)
    assert found["duration"] == 0.5
    assert found["level"] == pytest.approx(-3.01, abs=0.01)
    assert found["bandwidth"] == pytest.approx(1.0, abs=0.2)
    assert found["silence"] == 0.0
    # 16 samples a period: its two peaks are full scale, and nothing else is
    assert found["clipping"] == pytest.approx(100 * 2 / 16)


def test_bandwidth_is_where_a_low_pass_ends() -> None:
    low = lfilter(firwin(513, 4000, fs=RATE, window=("kaiser", 10)), 1, noise(RATE)).astype(np.float32)
    assert features(noise(RATE))["bandwidth"] == 8.0
    assert features(low)["bandwidth"] == pytest.approx(4.0, abs=0.2)  # half its transition is 0.1


def test_bandwidth_of_a_long_recording_is_over_all_of_it() -> None:
    long = np.zeros(2 * FRAMES_AT_ONCE * 256, np.float32)
    long[-RATE:] = noise(RATE)
    assert features(long)["bandwidth"] == 8.0


def test_speech_span_is_from_the_first_loud_frame_to_the_last() -> None:
    quiet, speech = noise(1600, amplitude=0.0009), noise(8000)  # 41 dB below
    assert speech_span(np.concatenate([quiet, speech, quiet, speech, quiet[:800]])) == (1600, 19200)
    assert features(np.concatenate([quiet, speech, quiet]))["silence"] == pytest.approx(0.2)
    audible = noise(1600, amplitude=0.0012)  # 38 dB below
    assert speech_span(np.concatenate([audible, speech])) == (0, 9600)


def test_speech_span_counts_a_last_frame_that_is_not_whole() -> None:
    assert speech_span(noise(1000)) == (0, 1000)
    assert speech_span(np.concatenate([noise(1600), np.zeros(50, np.float32)])) == (0, 1600)


def test_clipping_is_the_share_of_samples_at_full_scale_of_16_bits() -> None:
    samples = np.array([32767, -32768, 32766, 0], np.float32) / 32768
    assert clipping(samples) == 50.0


@pytest.mark.parametrize("samples", [1, 100, 5000])
def test_features_of_zeros_are_finite(samples: int) -> None:
    assert features(np.zeros(samples, np.float32)) == {
        "duration": samples / RATE,
        "level": NO_LEVEL,
        "silence": samples / RATE,
        "bandwidth": 0.0,
        "clipping": 0.0,
    }
