"""Owns what a detector could use that is no artefact: duration, level and bandwidth, and the EER of each alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grid.core.vocabulary import SAMPLE_RATE
from grid.metrics.detection import eer

Feature = Literal["duration", "level", "bandwidth"]
FEATURES: tuple[Feature, ...] = ("duration", "level", "bandwidth")
UNITS: dict[Feature, str] = {"duration": "s", "level": "dBFS", "bandwidth": "kHz"}

FFT_SAMPLES = 512
FLOOR = 60.0
"""dB below the strongest bin of the mean spectrum: the highest frequency above that is the bandwidth."""
SILENCE = -120.0
"""dBFS of what holds nothing but zeros."""


@dataclass(frozen=True)
class Shortcut:
    """One feature alone as the score of one condition of one evaluation.

    `eer` is a fraction, of whichever direction is better, so it is 0.5 at most, which is no leak;
    `bonafide_is_larger` says which direction that is. The medians are in the unit of the feature.
    """

    evaluation: str
    condition: str
    feature: Feature
    eer: float
    bonafide_is_larger: bool
    bonafide_median: float
    spoof_median: float
    n_bonafide: int
    n_spoof: int


def features(waveform: NDArray[np.float32]) -> dict[Feature, float]:
    """Duration in s, level in dBFS (RMS) and bandwidth in kHz of float32 (samples,) at 16 kHz.

    The bandwidth is the highest frequency at which the mean power spectrum (Hann windows of 32 ms, half overlapping) is
    within FLOOR of its maximum, in steps of 31.25 Hz; 0 for silence.
    """
    rms = float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))
    level = 20 * np.log10(rms) if rms > 0 else SILENCE
    return {"duration": len(waveform) / SAMPLE_RATE, "level": max(level, SILENCE), "bandwidth": _bandwidth(waveform)}


def measure_shortcut(
    evaluation: str, condition: str, feature: Feature, bonafide: ArrayLike, spoof: ArrayLike
) -> Shortcut:
    """The EER of `feature` alone, from its values (trials,) in both classes. RequestError: a class has no trials."""
    kept, fake = np.asarray(bonafide, dtype=np.float64), np.asarray(spoof, dtype=np.float64)
    rate = eer(kept, fake, condition=f"{evaluation}/{condition}").eer
    return Shortcut(
        evaluation=evaluation,
        condition=condition,
        feature=feature,
        eer=min(rate, 1 - rate),
        bonafide_is_larger=rate <= 0.5,
        bonafide_median=float(np.median(kept)),
        spoof_median=float(np.median(fake)),
        n_bonafide=len(kept),
        n_spoof=len(fake),
    )


def _bandwidth(waveform: NDArray[np.float32]) -> float:
    padded = np.pad(waveform, (0, max(0, FFT_SAMPLES - len(waveform))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT_SAMPLES)[:: FFT_SAMPLES // 2]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(FFT_SAMPLES).astype(np.float32), axis=1))).mean(axis=0)
    if not power.any():
        return 0.0
    highest = int(np.flatnonzero(power >= power.max() * 10 ** (-FLOOR / 10))[-1])
    return highest * SAMPLE_RATE / FFT_SAMPLES / 1000
