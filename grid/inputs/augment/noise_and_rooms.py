"""Two augmentations: convolution with a room impulse response (RIR) at constant power, and noise at a given SNR.

Reverberation follows the recipe of CDD (Xiao et al., "How to label resynthesized audio"; XIAOYixuan/IMS-ADD 8bc6e98,
onebit/data/augmentors/rir.py): the delay of the direct path is kept, and the tail beyond the waveform's end is cut.
Waveforms are float32 `(samples,)` at 16 kHz.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from grid.inputs.crop import fixed_length

SILENCE = 1e-10
"""Mean power re full scale below which a waveform counts as silent (-100 dBFS), as in the CDD code."""


def mean_power(waveform: NDArray[np.float32]) -> float:
    """The mean square of `(samples,)`, pauses included; summed in float64 without BLAS, whose threads change bits."""
    return float(np.mean(np.square(waveform), dtype=np.float64))


def reverberate(
    waveform: NDArray[np.float32], impulse_response: NDArray[np.float32], *, response_dbfs: float | None = None
) -> NDArray[np.float32]:
    """`waveform` `(samples,)` convolved with `impulse_response` `(taps,)`, both float32 at 16 kHz; the length is kept.

    The mean power is kept, so the level of the response does not matter, unless `response_dbfs` is given: then it is
    first scaled to that root mean square (dB re full scale, over its whole length) and clipped at full scale. The CDD
    code does this with -20, because it loads responses as it loads speech. That weakens the direct path: on made-up
    responses of one second with T60 of 0.2 to 1 s, the direct-to-reverberant ratio fell by 15 to 18 dB.

    A waveform of mean power below 1e-10 is returned unchanged, and so is one that the response would silence (because
    it is silent, or starts after the waveform's end); the CDD code returns silence there.
    """
    power = mean_power(waveform)
    if power < SILENCE:
        return waveform
    response = _normalised(impulse_response[: len(waveform)], impulse_response, response_dbfs)
    result = _convolved(waveform, response)
    after = mean_power(result)
    if after < SILENCE * power:
        return waveform
    result *= np.float32(np.sqrt(power / after))
    return result


def _normalised(response: NDArray[np.float32], whole: NDArray[np.float32], dbfs: float | None) -> NDArray[np.float32]:
    """`response` with a peak of 1, or at a level measured over the `whole` of it and clipped; silence stays silence."""
    peak = float(np.max(np.abs(whole), initial=0))
    if peak == 0:
        return response
    if dbfs is None:
        return response / np.float32(peak)
    root_mean_square = peak * np.sqrt(mean_power(whole / np.float32(peak)))
    return np.clip(response * np.float32(10 ** (dbfs / 20) / root_mean_square), -1, 1)


def _convolved(waveform: NDArray[np.float32], response: NDArray[np.float32]) -> NDArray[np.float32]:
    """The first `len(waveform)` samples of the full convolution."""
    size = scipy.fft.next_fast_len(len(waveform) + len(response) - 1, real=True)
    spectrum = scipy.fft.rfft(waveform, size)
    spectrum *= scipy.fft.rfft(response, size)
    result: NDArray[np.float32] = scipy.fft.irfft(spectrum, size, overwrite_x=True)[: len(waveform)]
    return result


def noise_segment(noise: NDArray[np.float32], samples: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """`samples` samples of `noise` `(length,)` from a drawn start; a shorter recording is repeated end to end."""
    return fixed_length(noise, samples, "random", rng)


def add_noise(waveform: NDArray[np.float32], noise: NDArray[np.float32], snr: float) -> NDArray[np.float32]:
    """`waveform` plus `noise`, both `(samples,)`, float32, the noise scaled so that the SNR is `snr` dB.

    The SNR is 10 log10 of the ratio of mean powers, each over all samples given, pauses of speech included. The speech
    is not scaled, so the sum may pass full scale. Silence (mean power below 1e-10 in the waveform, 0 in the noise) has
    no SNR: the waveform is then returned unchanged.
    """
    power, noise_power = mean_power(waveform), mean_power(noise)
    if power < SILENCE or noise_power == 0:
        return waveform
    return waveform + noise * np.float32(np.sqrt(power / noise_power / 10 ** (snr / 10)))
