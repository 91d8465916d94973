"""Owns the mean power of a waveform, the measure of every SNR and level in augmentation, and what counts as silence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SILENCE = 1e-10
"""Mean power re full scale below which there is nothing to measure (-100 dBFS), as in the CDD code."""


def mean_power(waveform: NDArray[np.float32]) -> float:
    """The mean square of `(samples,)`, pauses included; summed in float64 without BLAS, whose threads change bits."""
    return float(np.mean(np.square(waveform), dtype=np.float64))
