"""The random notch filters of RawBoost: drawn, turned into frequency responses, and applied block by block.

Tak, Kamble, Patino, Todisco and Evans (ICASSP 2022), section 3.1. The published code convolves each signal with up to
491 coefficients sample by sample. Here all of it happens in the frequency domain, and the result is the same:

- The bands have odd lengths and are symmetric, so a cascade is a filter without phase, delayed by h = (coefficients -
  1) / 2. The published code drops h + 1 samples from the front, so its output is that of the filter without phase,
  one sample early, whatever the number of coefficients.
- So the filtered powers can be summed as spectra, block by block (overlap-save), with one inverse transform.

Five filters on 64,600 samples take 1.5 ms instead of 32 on one core of an AMD EPYC (tests/benchmarks/README.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from grid.config.augmentation import NYQUIST_HZ, NotchFilter

_EDGE_HZ = 1e-3  # how near to 0 Hz and to Nyquist a stopped band may come
_FREQUENCIES = 512  # where the peak of a response is looked for, from 0 Hz up to but without Nyquist


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
        """How many samples before and after itself a sample can touch: half the coefficients of the longest cascade."""
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
    """The sum of `signals`, each (samples,), after the filter of the same place, without phase and one sample early.

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
    looked_at = response[:, :: size // (2 * _FREQUENCIES)][:, :_FREQUENCIES]
    response *= (10 ** (filters.gain / 20) / np.max(np.abs(looked_at), axis=1))[:, np.newaxis]
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
