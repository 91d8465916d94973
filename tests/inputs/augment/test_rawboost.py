"""RawBoost: equal to the direct form on the same draws, to the published code on golden values, and in distribution."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from grid.config.augmentation import NotchFilter, RawBoost
from grid.core.randomness import generator
from grid.inputs.augment.rawboost import (
    Impulses,
    NotchFilters,
    RawBoostDraws,
    StationaryNoise,
    add_convolutive,
    add_impulses,
    add_stationary,
    apply_rawboost,
    draw_notch_filters,
    draw_rawboost,
    rawboost,
    responses,
)
from tests.support.augmentation_bank import speech
from tests.support.direct_rawboost import coefficients, direct_rawboost, draw_directly

ALGORITHMS = range(1, 9)
TOLERANCE = 2e-6  # of the peak; float32 transforms stay below 3e-7

# Printed by TakHemlata/SSL_Anti-spoofing 4acaa61 RawBoost.py under NumPy 2, its randRange giving the draws below as
# plain numbers, its np.random giving WHITE, POSITIONS and factors.
GOLDEN_PLACES = [0, 1, 150, 200, 399]
GOLDEN_CONVOLUTIVE = [-0.0677828, 0.0759779, 0.2601211, 0.1766207, -0.1551612]
GOLDEN_STATIONARY = [0.1397344, 0.2948138, 0.2106193, 0.3784529, -0.8478878]
GOLDEN_IMPULSIVE = [0.5857617, 0.4, 0.1502699, -1.0, 0.2241919]
POSITIONS = [3, 9, 301, 28]
SINE = (0.9 * np.sin(2 * np.pi * np.arange(400) / 37)).astype(np.float32)
WHITE = np.cos(np.arange(400) ** 2 / 7).astype(np.float32)


def filters(*rows: tuple[list[tuple[float, float, int]], float]) -> NotchFilters:
    """Filters from their bands (centre and width in Hz, odd number of coefficients) and their gain in dB."""
    bands = np.array([bands for bands, _ in rows], np.float64)
    low, high = bands[..., 0] - bands[..., 1] / 2, bands[..., 0] + bands[..., 1] / 2
    low, high = np.where(low <= 0, 0.001, low), np.where(high >= 8_000, 7_999.999, high)
    return NotchFilters(low, high, bands[..., 2].astype(np.int64), np.array([gain for _, gain in rows]))


def test_convolutive_gives_the_published_codes_values() -> None:
    drawn = filters(
        ([(100, 400, 11), (3_000, 900, 99)], 0.0),
        ([(7_900, 600, 31), (2_000, 150, 65)], -7.0),
        ([(5_000, 1_000, 99), (60, 100, 55)], -18.0),
    )
    assert add_convolutive(SINE, drawn)[GOLDEN_PLACES] == pytest.approx(GOLDEN_CONVOLUTIVE, abs=1e-6)


def test_stationary_gives_the_published_codes_values() -> None:
    noise = StationaryNoise(WHITE, filters(([(3_000, 900, 99), (100, 400, 11)], 0.0)), 12.5)
    assert add_stationary(SINE, noise)[GOLDEN_PLACES] == pytest.approx(GOLDEN_STATIONARY, abs=1e-6)


def test_impulsive_gives_the_published_codes_values() -> None:
    factors = 1 + 2 * np.array([1, 0, -0.25, 0.75], np.float32)
    result = add_impulses(SINE, Impulses(np.array(POSITIONS), factors))
    assert result[[*POSITIONS, 200]] == pytest.approx(GOLDEN_IMPULSIVE, abs=1e-6)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(("samples", "peak"), [(16_000, 0.9), (16_000, 0.05), (1_537, 1.0), (100, 0.5), (1, 0.5)])
def test_rawboost_on_the_same_draws_equals_the_direct_form(algorithm: int, samples: int, peak: float) -> None:
    waveform = speech(samples, peak=peak)
    before = waveform.copy()
    for number in range(3):
        draws = draw_rawboost(RawBoost(algorithm=algorithm), samples, generator("equal", algorithm, number))
        ours, direct = apply_rawboost(waveform, draws), direct_rawboost(waveform, draws)
        assert ours.dtype == np.float32
        assert ours.shape == waveform.shape
        assert ours == pytest.approx(direct, abs=TOLERANCE * max(np.max(np.abs(direct)), peak))
    assert np.array_equal(waveform, before)


def test_convolutive_with_long_filters_equals_the_direct_form() -> None:
    notch = NotchFilter(bands=9, taps_minimum=300, taps_maximum=500, gain_minimum=-3, gain_maximum=6)
    waveform = speech(9_000)
    draws = draw_rawboost(RawBoost(algorithm=1, notch=notch, powers=2), len(waveform), generator("long"))
    assert apply_rawboost(waveform, draws) == pytest.approx(direct_rawboost(waveform, draws), abs=TOLERANCE)


def test_convolutive_without_drawn_noise_is_one_sample_early() -> None:
    """The published code drops one sample more in front than the filter delays; a flat filter shows it."""
    flat = filters(([(7_999.9, 0.001, 11)], 0.0))
    impulse = np.zeros(64, np.float32)
    impulse[20] = 0.5
    assert int(np.argmax(add_convolutive(impulse, flat))) == 19


def test_responses_peak_at_the_gain_as_freqz_finds_it() -> None:
    from scipy import signal

    drawn = draw_notch_filters(NotchFilter(), np.array([(0.0, 0.0), (-5.0, -20.0)]), generator("peak"))
    for row, response in enumerate(responses(drawn, 2_048)):
        cascade = coefficients(drawn, row)
        frequencies = np.arange(1_025) * np.pi / 1_024
        _, complex_response = signal.freqz(cascade, 1, worN=frequencies)
        assert np.abs(response) == pytest.approx(np.abs(complex_response), abs=1e-9)
        assert 20 * np.log10(np.max(np.abs(response[::2][:512]))) == pytest.approx(drawn.gain[row], abs=1e-9)


def test_draws_stay_in_the_published_ranges() -> None:
    drawn = [draw_rawboost(RawBoost(algorithm=4), 1_000, generator("ranges", i)) for i in range(300)]
    convolutive = [d.convolutive for d in drawn if d.convolutive]
    taps = np.concatenate([c.taps.ravel() for c in convolutive])
    assert set(taps.tolist()) == set(range(11, 101, 2))
    assert all(np.all((c.low > 0) & (c.low < c.high) & (c.high < 8_000)) for c in convolutive)
    gains = np.array([c.gain for c in convolutive])
    assert np.all(gains[:, 0] == 0)
    assert -20 <= gains[:, 1:].min() < -19.8
    assert -5.2 < gains[:, 1:].max() <= -5
    impulses = [d.impulses for d in drawn if d.impulses]
    assert 97 <= max(len(i.positions) for i in impulses) <= 100
    assert all(len(set(i.positions.tolist())) == len(i.positions) for i in impulses)
    snrs = [d.stationary.snr for d in drawn if d.stationary]
    assert 10 <= min(snrs) < 11
    assert 39 < max(snrs) <= 40


def noises(draws: RawBoostDraws) -> tuple[bool, bool, bool, bool]:
    return draws.convolutive is not None, draws.impulses is not None, draws.stationary is not None, draws.parallel


def test_algorithm_names_the_noises_of_the_published_code() -> None:
    drawn = [noises(draw_rawboost(RawBoost(algorithm=i), 50, generator("which"))) for i in range(9)]
    no, yes = False, True
    assert drawn == [
        (no, no, no, no),
        (yes, no, no, no),
        (no, yes, no, no),
        (no, no, yes, no),
        (yes, yes, yes, no),
        (yes, yes, no, no),
        (yes, no, yes, no),
        (no, yes, yes, no),
        (yes, yes, no, yes),
    ]


def test_algorithm_zero_changes_nothing() -> None:
    waveform = speech(500)
    assert np.array_equal(rawboost(waveform, RawBoost(algorithm=0), generator("zero")), waveform)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_silence_stays_silence(algorithm: int) -> None:
    result = rawboost(np.zeros(800, np.float32), RawBoost(algorithm=algorithm), generator("silence"))
    assert np.array_equal(result, np.zeros(800))


def statistics(before: NDArray[np.float32], after: NDArray[np.floating]) -> list[float]:
    """The power of what was added (log), the kurtosis, and the centre of gravity of the spectrum."""
    after = after.astype(np.float64)
    power = np.abs(np.fft.rfft(after)) ** 2
    added = np.log10(np.mean((after - before) ** 2) + 1e-12)
    return [float(added), float(stats.kurtosis(after)), float(power @ np.arange(len(power)) / np.sum(power))]


@pytest.mark.parametrize("algorithm", [1, 2, 3, 5])  # each part, and two in a row; the other orders are proven above
@pytest.mark.slow
def test_results_have_the_distribution_of_the_direct_form_drawing_for_itself(algorithm: int) -> None:
    waveform, settings = speech(1_000), RawBoost(algorithm=algorithm)
    rng, other = generator("ours", algorithm), generator("direct", algorithm)
    ours = [statistics(waveform, rawboost(waveform, settings, rng)) for _ in range(200)]
    drawn = (draw_directly(settings, len(waveform), other) for _ in range(200))
    direct = [statistics(waveform, direct_rawboost(waveform, draws)) for draws in drawn]
    for own, theirs in zip(np.transpose(ours), np.transpose(direct), strict=True):
        assert stats.ks_2samp(own, theirs).pvalue > 0.005
