"""RawBoost: convolutive, impulsive and stationary noise, drawn first and then applied.

Tak, Kamble, Patino, Todisco and Evans, "RawBoost: A Raw Data Boosting and Augmentation Method applied to Automatic
Speaker Verification Anti-Spoofing", ICASSP 2022, pages 6382-6386, with the order of operations of the published code
(TakHemlata/SSL_Anti-spoofing 4acaa61, RawBoost.py and data_utils_SSL.py). Only the draws' order and the arithmetic
differ, so no seed gives the published code's samples, but every result has the same distribution.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from grid.config.augmentation import NYQUIST_HZ, NotchFilter, RawBoost
from grid.inputs.augment.noise_and_rooms import mean_power

Waveform = NDArray[np.float32]

_EDGE_HZ = 1e-3  # how near to 0 Hz and to Nyquist a stopped band may come
_FREQUENCIES = 512  # at which the peak of a response is searched, from 0 Hz up to but without Nyquist

# The algorithms of the published code (1 to 8) that apply each kind of noise, and those that apply two in parallel.
_CONVOLUTIVE = {1, 4, 5, 6, 8}
_IMPULSIVE = {2, 4, 5, 7, 8}
_STATIONARY = {3, 4, 6, 7}
_PARALLEL = {8}


@dataclass(frozen=True)
class NotchFilters:
    """Drawn filters, each `bands` band-stops in series.

    `low` and `high` (filters, bands) are the edges of the stopped bands in Hz, `taps` (filters, bands) the odd numbers
    of coefficients, `gain` (filters,) the peak of each cascade's response in dB.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    taps: NDArray[np.int64]
    gain: NDArray[np.float64]

    @property
    def reach(self) -> int:
        """How many samples to each side a sample can affect: half the coefficients of the longest cascade."""
        return int(np.max(np.sum((self.taps - 1) // 2, axis=1)))


def draw_notch_filters(
    settings: NotchFilter, gain_bounds: NDArray[np.float64], rng: np.random.Generator
) -> NotchFilters:
    """As many filters as `gain_bounds` (filters, 2) has rows: the bounds in dB between which each one's peak is drawn.

    The bounds of a gain may descend, as they do in the published code; the gain is then uniform between them too.
    """
    shape = (len(gain_bounds), settings.bands)
    centre = rng.uniform(settings.frequency_minimum, settings.frequency_maximum, shape)
    width = rng.uniform(settings.bandwidth_minimum, settings.bandwidth_maximum, shape)
    taps = rng.uniform(settings.taps_minimum, settings.taps_maximum, shape).astype(np.int64)
    low, high = centre - width / 2, centre + width / 2
    start, end = gain_bounds.T
    return NotchFilters(
        low=np.where(low <= 0, _EDGE_HZ, low),
        high=np.where(high >= NYQUIST_HZ, NYQUIST_HZ - _EDGE_HZ, high),
        taps=taps | 1,
        gain=start + (end - start) * rng.random(len(gain_bounds)),
    )


def filtered_sum(signals: Iterable[NDArray[np.float32]], filters: NotchFilters) -> NDArray[np.float32]:
    """The sum of `signals`, each `(samples,)`, signal i through filter i, without phase and one sample early.

    There are as many signals as filters. Beyond its ends a signal is zero.
    """
    reach, size = filters.reach, _transform_size(filters)
    step = size - 2 * reach
    total: NDArray[np.complex64] | None = None
    samples = 0
    for signal, response in zip(signals, responses(filters, size).astype(np.float32), strict=True):
        samples = len(signal)
        spectrum = scipy.fft.rfft(_blocks(signal, reach, size))
        spectrum *= response
        total = spectrum if total is None else np.add(total, spectrum, out=total)
    blocks = scipy.fft.irfft(total, n=size, overwrite_x=True)
    result: NDArray[np.float32] = blocks[:, reach : reach + step].reshape(-1)[:samples]
    return result


def responses(filters: NotchFilters, size: int) -> NDArray[np.float64]:
    """The real responses (filters, size // 2 + 1) of the cascades at the frequencies of a real FFT of `size`.

    `size` is a multiple of 1,024, so that the 512 frequencies whose largest response is the gain are among them.
    """
    bands = scipy.fft.dct(_half_band_stops(filters), type=1, n=size // 2 + 1)
    response: NDArray[np.float64] = np.prod(bands, axis=1)
    searched = response[:, :: size // (2 * _FREQUENCIES)][:, :_FREQUENCIES]
    response *= (10 ** (filters.gain / 20) / np.max(np.abs(searched), axis=1))[:, np.newaxis]
    return response


def _half_band_stops(filters: NotchFilters) -> NDArray[np.float64]:
    """Each band's coefficients from its middle on, (filters, bands, largest half), zero beyond its own length.

    A window design: the ideal band-stop times a Hamming window, scaled to a gain of 1 at 0 Hz.
    """
    half = (filters.taps[..., np.newaxis] - 1) // 2
    place = np.arange(1, int(half.max()) + 1)
    low, high = filters.low[..., np.newaxis] / NYQUIST_HZ, filters.high[..., np.newaxis] / NYQUIST_HZ
    ideal = (np.sin(np.pi * low * place) - np.sin(np.pi * high * place)) / (np.pi * place)
    window = np.where(place <= half, 0.54 + 0.46 * np.cos(np.pi * place / half), 0)
    taps = np.concatenate([1 + low - high, ideal * window], axis=-1)
    return taps / (taps[..., :1] + 2 * np.sum(taps[..., 1:], axis=-1, keepdims=True))


def _transform_size(filters: NotchFilters) -> int:
    """The power of two, 1,024 or more, of which the overlap of two blocks is a quarter at most."""
    return max(2 * _FREQUENCIES, 1 << (8 * filters.reach).bit_length())


def _blocks(signal: NDArray[np.float32], reach: int, size: int) -> NDArray[np.float32]:
    """Overlapping blocks (count, size), a view; block 0 gives the output from sample 0, which is input sample 1."""
    step = size - 2 * reach
    count = -(-len(signal) // step)
    padded = np.zeros(count * step + 2 * reach, np.float32)
    padded[reach - 1 : reach - 1 + len(signal)] = signal
    return sliding_window_view(padded, size)[::step]


@dataclass(frozen=True)
class Impulses:
    """The samples that become impulses, `positions` `(count,)`, and their factors, `factors` `(count,)`."""

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
    the same input are summed; else each noise is added to the result of the one before.
    """

    convolutive: NotchFilters | None
    impulses: Impulses | None
    stationary: StationaryNoise | None
    parallel: bool


def rawboost(waveform: Waveform, settings: RawBoost, rng: np.random.Generator) -> Waveform:
    """`waveform` (samples,), float32 at 16 kHz and at least one sample, with the noise of `settings.algorithm`.

    Always applied: `Augmenter` draws with `settings.probability`. Algorithm 0 returns the waveform itself.
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

    The published code also divides the noise by its peak; scaling to the SNR cancels that, like the gain of the filter.
    """
    coloured = filtered_sum([noise.white], noise.colour)
    ratio = mean_power(waveform) / mean_power(coloured) / 10 ** (noise.snr / 10)
    coloured *= np.float32(np.sqrt(ratio))
    coloured += waveform
    return coloured


def _draw_convolutive(settings: RawBoost, rng: np.random.Generator) -> NotchFilters:
    """One filter for each power; as in the published code the bounds of the gain are lowered for all powers above 1."""
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
