"""Additive noise: a recording of noise under a waveform, at a given signal-to-noise ratio (SNR)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grid.augment.power import SILENCE, mean_power
from grid.crops import fixed_length


def noise_segment(noise: NDArray[np.float32], samples: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """`samples` samples of `noise` (length,) from anywhere; a shorter recording is repeated end to end."""
    return fixed_length(noise, samples, "random", rng)


def add_noise(waveform: NDArray[np.float32], noise: NDArray[np.float32], snr: float) -> NDArray[np.float32]:
    """`waveform` plus `noise`, both (samples,), float32, the noise scaled so that the SNR is `snr` dB.

    The SNR is 10 log10 of the ratio of mean powers, each over all samples given, pauses of speech included. The speech
    is not scaled, so the sum may pass full scale. Silence (mean power below 1e-10 in the waveform, 0 in the noise) has
    no SNR: the waveform is then given back as it is.
    """
    power, noise_power = mean_power(waveform), mean_power(noise)
    if power < SILENCE or noise_power == 0:
        return waveform
    return waveform + noise * np.float32(np.sqrt(power / noise_power / 10 ** (snr / 10)))
