"""Reverberation: the convolution, constant power, the response's level, and silence; noise at an SNR."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from grid.core.randomness import generator
from grid.inputs.augment.noise_and_rooms import add_noise, mean_power, noise_segment, reverberate
from tests.support.augmentation_bank import speech


def room(taps: int, *, delay: int = 20, peak: float = 0.5) -> NDArray[np.float32]:
    """A direct path after `delay` samples and a decaying tail."""
    tail = generator("room", taps).standard_normal(taps) * np.exp(-np.arange(taps) / (taps / 6)) * 0.1
    tail[: delay + 1] = 0
    tail[delay] = 1
    return (peak * tail).astype(np.float32)


def cdd(waveform: NDArray[np.float32], response: NDArray[np.float32], clip: bool) -> NDArray[np.float64]:
    """The order of operations of XIAOYixuan/IMS-ADD 8bc6e98 (audio_util.get_audio, augmentors/rir.py), in float64."""
    response = response.astype(np.float64)
    if clip:
        response = np.clip(response * 0.1 / np.sqrt(np.mean(response**2)), -1, 1)
    result = signal.convolve(waveform.astype(np.float64), response, mode="full", method="direct")[: len(waveform)]
    return result * np.sqrt(np.mean(waveform.astype(np.float64) ** 2) / np.mean(result**2))


@pytest.mark.parametrize("taps", [50, 1_000, 3_001, 8_000])
@pytest.mark.parametrize("dbfs", [None, -20])
def test_reverberate_equals_the_cdd_recipe(taps: int, dbfs: float | None) -> None:
    waveform, response = speech(3_001), room(taps)
    before = waveform.copy(), response.copy()
    result = reverberate(waveform, response, response_dbfs=dbfs)
    assert result.dtype == np.float32
    assert result == pytest.approx(cdd(waveform, response, clip=dbfs is not None), abs=3e-6)
    assert mean_power(result) == pytest.approx(mean_power(waveform), rel=1e-4)
    assert np.array_equal(waveform, before[0])
    assert np.array_equal(response, before[1])


def test_reverberate_scale_of_the_response_does_not_matter() -> None:
    waveform = speech(2_000)
    loud, quiet = reverberate(waveform, room(500)), reverberate(waveform, room(500, peak=1e-7))
    assert quiet == pytest.approx(loud, abs=1e-5)


def test_clipping_weakens_the_direct_path_against_the_tail() -> None:
    impulse = np.zeros(4_000, np.float32)
    impulse[0] = 0.9
    as_it_is, clipped = (reverberate(impulse, room(4_000), response_dbfs=dbfs) for dbfs in (None, -20))
    assert as_it_is[20] ** 2 / np.sum(as_it_is**2) > 2 * clipped[20] ** 2 / np.sum(clipped**2)


@pytest.mark.parametrize(
    ("waveform", "response"),
    [
        (np.full(800, 1e-6, np.float32), room(100)),
        (np.zeros(800, np.float32), room(100)),
        (speech(800), np.zeros(100, np.float32)),
        (speech(800), np.zeros(0, np.float32)),
        (speech(800), room(1_000, delay=900)),
    ],
    ids=["quiet waveform", "silent waveform", "silent response", "empty response", "response after the end"],
)
@pytest.mark.parametrize("dbfs", [None, -20])
def test_reverberate_where_nothing_sounds_gives_the_waveform(
    waveform: NDArray[np.float32], response: NDArray[np.float32], dbfs: float | None
) -> None:
    assert np.array_equal(reverberate(waveform, response, response_dbfs=dbfs), waveform)


def test_reverberate_with_one_direct_path_delays() -> None:
    waveform, response = speech(1_000), np.zeros(30, np.float32)
    response[7] = -0.2
    result = reverberate(waveform, response)
    expected = -np.concatenate([np.zeros(7), waveform[:-7]])
    assert result == pytest.approx(expected * np.sqrt(mean_power(waveform) / np.mean(expected**2)), abs=1e-6)


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
