"""RawBoost: convolutive, impulsive and stationary noise, drawn first and then applied.

Tak, Kamble, Patino, Todisco and Evans, "RawBoost: A Raw Data Boosting and Augmentation Method applied to Automatic
Speaker Verification Anti-Spoofing", ICASSP 2022, pages 6382-6386, with the order of operations of the published code
(TakHemlata/SSL_Anti-spoofing 4acaa61, RawBoost.py and data_utils_SSL.py). Only the draws' order and the arithmetic
differ, so no seed gives the published code's samples, but every result has the same distribution.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid.augment.notch import NotchFilters, draw_notch_filters, filtered_sum
from grid.augment.power import mean_power
from grid.config.augmentation import RawBoost

Waveform = NDArray[np.float32]

_CONVOLUTIVE = {1, 4, 5, 6, 8}
_IMPULSIVE = {2, 4, 5, 7, 8}
_STATIONARY = {3, 4, 6, 7}
_PARALLEL = {8}


@dataclass(frozen=True)
class Impulses:
    """Which samples become impulses, `positions` (count,), and what each is multiplied with, `factors` (count,)."""

    positions: NDArray[np.int64]
    factors: NDArray[np.float32]


@dataclass(frozen=True)
class StationaryNoise:
    """White Gaussian noise `white` (samples,), the one filter that colours it, and the SNR in dB."""

    white: Waveform
    colour: NotchFilters
    snr: float


@dataclass(frozen=True)
class RawBoostDraws:
    """Everything random in one use of RawBoost; None for a noise that the algorithm leaves out.

    `convolutive` has one filter for each power of the waveform. `parallel`: the convolutive and the impulsive result of
    the same input are summed; else each noise is put on the result of the one before.
    """

    convolutive: NotchFilters | None
    impulses: Impulses | None
    stationary: StationaryNoise | None
    parallel: bool


def rawboost(waveform: Waveform, settings: RawBoost, rng: np.random.Generator) -> Waveform:
    """`waveform` (samples,), float32 at 16 kHz and at least one sample, with the noise of `settings.algorithm`.

    Always applied: `settings.probability` is the chain's affair. Algorithm 0 gives the waveform itself.
    """
    return apply_rawboost(waveform, draw_rawboost(settings, len(waveform), rng))


def draw_rawboost(settings: RawBoost, samples: int, rng: np.random.Generator) -> RawBoostDraws:
    """The draws for a waveform of `samples` samples."""
    algorithm = settings.algorithm
    return RawBoostDraws(
        convolutive=_draw_convolutive(settings, rng) if algorithm in _CONVOLUTIVE else None,
        impulses=_draw_impulses(settings, samples, rng) if algorithm in _IMPULSIVE else None,
        stationary=_draw_stationary(settings, samples, rng) if algorithm in _STATIONARY else None,
        parallel=algorithm in _PARALLEL,
    )


def apply_rawboost(waveform: Waveform, draws: RawBoostDraws) -> Waveform:
    """`waveform` (samples,) with the noises that were drawn for it; the input stays as it is."""
    result = waveform
    if draws.convolutive is not None:
        result = add_convolutive(result, draws.convolutive)
    if draws.impulses is not None:
        impulsive = add_impulses(waveform if draws.parallel else result, draws.impulses)
        result = _limited(result + impulsive) if draws.parallel else impulsive
    if draws.stationary is not None:
        result = add_stationary(result, draws.stationary)
    return result


def add_convolutive(waveform: Waveform, filters: NotchFilters) -> Waveform:
    """Linear and non-linear convolutive noise (section 3.1): the sum of the filtered powers of `waveform`, mean 0.

    Divided by its peak if that is above 1.
    """
    result = filtered_sum(_powers(waveform, len(filters.gain)), filters)
    result -= np.float32(np.mean(result, dtype=np.float64))
    return _limited(result)


def add_impulses(waveform: Waveform, impulses: Impulses) -> Waveform:
    """Impulsive signal-dependent noise (section 3.2); divided by its peak if that is above 1."""
    result = waveform.copy()
    result[impulses.positions] *= impulses.factors
    return _limited(result)


def add_stationary(waveform: Waveform, noise: StationaryNoise) -> Waveform:
    """Stationary signal-independent noise (section 3.3): coloured noise at an SNR, the peak left as it comes.

    The published code also divides the noise by its peak; that, like the gain of the filter, the SNR cancels.
    """
    coloured = filtered_sum([noise.white], noise.colour)
    ratio = mean_power(waveform) / mean_power(coloured) / 10 ** (noise.snr / 10)
    coloured *= np.float32(np.sqrt(ratio))
    coloured += waveform
    return coloured


def _draw_convolutive(settings: RawBoost, rng: np.random.Generator) -> NotchFilters:
    """One filter for each power; the published code lowers the bounds of the gain once, for all powers above 1."""
    first = (settings.notch.gain_minimum, settings.notch.gain_maximum)
    higher = (first[0] - settings.gain_minimum_drop, first[1] - settings.gain_maximum_drop)
    return draw_notch_filters(settings.notch, np.array([first] + [higher] * (settings.powers - 1)), rng)


def _draw_impulses(settings: RawBoost, samples: int, rng: np.random.Generator) -> Impulses:
    count = int(samples * rng.uniform(0, settings.impulse_percent) / 100)
    positions = rng.choice(samples, count, replace=False, shuffle=False)
    first, second = rng.uniform(-1, 1, (2, count))
    return Impulses(positions, (1 + settings.impulse_gain * first * second).astype(np.float32))


def _draw_stationary(settings: RawBoost, samples: int, rng: np.random.Generator) -> StationaryNoise:
    gain_bounds = np.array([(settings.notch.gain_minimum, settings.notch.gain_maximum)])
    return StationaryNoise(
        white=rng.standard_normal(samples, np.float32),
        colour=draw_notch_filters(settings.notch, gain_bounds, rng),
        snr=rng.uniform(settings.snr_minimum, settings.snr_maximum),
    )


def _powers(waveform: Waveform, count: int) -> Iterator[Waveform]:
    power = waveform
    yield power
    for _ in range(count - 1):
        power = power * waveform
        yield power


def _limited(waveform: Waveform) -> Waveform:
    """`waveform` divided by its peak if that is above 1; changed in place."""
    peak = max(waveform.max(), -waveform.min())
    if peak > 1:
        waveform /= peak
    return waveform
