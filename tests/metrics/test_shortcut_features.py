"""The shortcut features of known signals, and the EER of a single feature."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import firwin, lfilter

from grid.core.errors import RequestError
from grid.metrics.shortcut_features import SILENCE, features, measure_shortcut

RATE = 16_000


def test_features_of_a_full_scale_sine_are_its_length_its_level_and_its_frequency() -> None:
    sine = np.sin(2 * np.pi * 1000 * np.arange(RATE // 2) / RATE).astype(np.float32)
    found = features(sine)
    assert found["duration"] == 0.5
    assert found["level"] == pytest.approx(-3.01, abs=0.01)
    assert found["bandwidth"] == pytest.approx(1.0, abs=0.2)


def test_features_bandwidth_is_where_a_low_pass_ends() -> None:
    noise = np.random.default_rng(0).standard_normal(RATE)
    low = lfilter(firwin(513, 4000, fs=RATE, window=("kaiser", 10)), 1, noise).astype(np.float32)
    assert features(noise.astype(np.float32))["bandwidth"] == 8.0
    assert features(low)["bandwidth"] == pytest.approx(4.0, abs=0.2)  # half its transition is 0.1


@pytest.mark.parametrize("samples", [1, 100, 5000])
def test_features_of_silence_are_finite(samples: int) -> None:
    assert features(np.zeros(samples, np.float32)) == {
        "duration": samples / RATE,
        "level": SILENCE,
        "bandwidth": 0.0,
    }


def test_measure_shortcut_finds_prompts_of_one_length_whichever_class_is_longer() -> None:
    # the leak of published demo sets: prompts of 3.0 s, outputs of any length
    prompts, outputs = [3.0] * 10, [3.5, 4.0, 7.0, 9.0]
    found = measure_shortcut("e", "pooled", "duration", prompts, outputs)
    assert (found.eer, found.bonafide_is_larger) == (0.0, False)
    assert (found.bonafide_median, found.spoof_median, found.n_bonafide, found.n_spoof) == (3.0, 5.5, 10, 4)
    turned = measure_shortcut("e", "pooled", "duration", outputs, prompts)
    assert (turned.eer, turned.bonafide_is_larger) == (0.0, True)


def test_measure_shortcut_of_a_constant_is_chance() -> None:
    assert measure_shortcut("e", "pooled", "level", [1.0, 1.0], [1.0]).eer == 0.5


def test_measure_shortcut_without_a_class_names_the_condition() -> None:
    with pytest.raises(RequestError, match="e/attack=x"):
        measure_shortcut("e", "attack=x", "level", [], [1.0])
