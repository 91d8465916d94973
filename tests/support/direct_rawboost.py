"""RawBoost sample by sample, as the published code orders it: what ours is compared and timed with.

Written from section 3 of Tak et al. (ICASSP 2022) and the order of operations of TakHemlata/SSL_Anti-spoofing 4acaa61.
`direct_rawboost` applies given draws; `draw_directly` makes draws one scalar after the other, as the published code.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from grid.config.augmentation import RawBoost
from grid.inputs.augment.rawboost import Impulses, NotchFilters, RawBoostDraws, StationaryNoise

FS = 16_000
Waveform = NDArray[np.float32]


def direct_rawboost(waveform: Waveform, draws: RawBoostDraws) -> NDArray[np.float64]:
    """What the published code makes of `waveform` (samples,) with `draws`."""
    convolutive, impulses, stationary = draws.convolutive, draws.impulses, draws.stationary
    if draws.parallel:
        assert convolutive is not None
        assert impulses is not None
        return limited(direct_convolutive(waveform, convolutive) + direct_impulses(waveform, impulses))
    result = waveform.astype(np.float64)
    if convolutive is not None:
        result = direct_convolutive(waveform, convolutive)
    if impulses is not None:
        result = direct_impulses(result, impulses)
    if stationary is not None:
        result = direct_stationary(result, stationary)
    return result


def direct_convolutive(waveform: Waveform, filters: NotchFilters) -> NDArray[np.float64]:
    powers = range(1, 1 + len(filters.gain))
    total = np.sum([filtered(np.power(waveform, i), coefficients(filters, i - 1)) for i in powers], axis=0)
    return limited(total - np.mean(total))


def direct_impulses(waveform: NDArray[np.floating], impulses: Impulses) -> NDArray[np.float64]:
    result = waveform.astype(np.float64)
    result[impulses.positions] += waveform[impulses.positions] * (impulses.factors.astype(np.float64) - 1)
    return limited(result)


def direct_stationary(waveform: NDArray[np.float64], noise: StationaryNoise) -> NDArray[np.float64]:
    coloured = filtered(noise.white, coefficients(noise.colour, 0))
    coloured = coloured / np.max(np.abs(coloured))
    level = np.linalg.norm(waveform) / np.linalg.norm(coloured) / 10 ** (noise.snr / 20)
    return waveform + level * coloured


def coefficients(filters: NotchFilters, row: int) -> NDArray[np.float64]:
    """The impulse response of one cascade, its peak over 512 frequencies at the gain."""
    cascade = np.ones(1)
    for low, high, taps in zip(filters.low[row], filters.high[row], filters.taps[row], strict=True):
        cascade = np.convolve(signal.firwin(taps, [low, high], window="hamming", fs=FS), cascade)
    _, response = signal.freqz(cascade, 1, worN=512)
    return 10 ** (filters.gain[row] / 20) * cascade / np.max(np.abs(response))


def filtered(waveform: NDArray[np.floating], cascade: NDArray[np.float64]) -> NDArray[np.float64]:
    """One more than the coefficients is added at the end, and half of that is taken off at both ends."""
    added = len(cascade) + 1
    full = signal.lfilter(cascade, 1, np.pad(waveform, (0, added)))
    return full[added // 2 : len(full) - added // 2]


def limited(waveform: NDArray[np.float64]) -> NDArray[np.float64]:
    peak = np.max(np.abs(waveform))
    return waveform / peak if peak > 1 else waveform


def draw_directly(settings: RawBoost, samples: int, rng: np.random.Generator) -> RawBoostDraws:
    """Draws in the order and the way of the published code, whatever the algorithm needs of them."""
    notch = settings.notch
    gains = [(notch.gain_minimum, notch.gain_maximum)]
    for power in range(2, settings.powers + 1):
        low, high = gains[-1]
        gains.append(
            (low - settings.gain_minimum_drop, high - settings.gain_maximum_drop) if power == 2 else (low, high)
        )
    algorithm = settings.algorithm
    filters = (
        stack([draw_filter(settings, low, high, rng) for low, high in gains]) if algorithm in (1, 4, 5, 6, 8) else None
    )
    impulses = draw_impulses_directly(settings, samples, rng) if algorithm in (2, 4, 5, 7, 8) else None
    stationary = draw_stationary_directly(settings, samples, rng) if algorithm in (3, 4, 6, 7) else None
    return RawBoostDraws(filters, impulses, stationary, parallel=algorithm == 8)


def draw_filter(settings: RawBoost, gain_low: float, gain_high: float, rng: np.random.Generator) -> NotchFilters:
    notch = settings.notch
    low, high, taps = [], [], []
    for _ in range(notch.bands):
        centre = between(notch.frequency_minimum, notch.frequency_maximum, rng)
        width = between(notch.bandwidth_minimum, notch.bandwidth_maximum, rng)
        count = int(between(notch.taps_minimum, notch.taps_maximum, rng))
        taps.append(count + 1 if count % 2 == 0 else count)
        start, end = centre - width / 2, centre + width / 2
        low.append(start if start > 0 else 0.001)
        high.append(end if end < FS / 2 else FS / 2 - 0.001)
    gain = between(gain_low, gain_high, rng)
    return NotchFilters(np.array([low]), np.array([high]), np.array([taps]), np.array([gain]))


def draw_impulses_directly(settings: RawBoost, samples: int, rng: np.random.Generator) -> Impulses:
    count = int(samples * (between(0, settings.impulse_percent, rng) / 100))
    positions = rng.permutation(samples)[:count]
    first, second = 2 * rng.random(count) - 1, 2 * rng.random(count) - 1
    return Impulses(positions, (1 + settings.impulse_gain * first * second).astype(np.float32))


def draw_stationary_directly(settings: RawBoost, samples: int, rng: np.random.Generator) -> StationaryNoise:
    notch = settings.notch
    white = rng.normal(0, 1, samples)
    colour = draw_filter(settings, notch.gain_minimum, notch.gain_maximum, rng)
    return StationaryNoise(white.astype(np.float32), colour, between(settings.snr_minimum, settings.snr_maximum, rng))


def stack(filters: list[NotchFilters]) -> NotchFilters:
    names = ("low", "high", "taps", "gain")
    return NotchFilters(*(np.concatenate([getattr(f, name) for f in filters]) for name in names))


def between(low: float, high: float, rng: np.random.Generator) -> float:
    """Uniform, also where `low` is above `high`, as np.random.uniform has it."""
    return low + (high - low) * rng.random()
