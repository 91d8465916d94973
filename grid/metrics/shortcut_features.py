"""Features that may separate the classes but are no artefact: duration, level, bandwidth, and the EER of each alone."""

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

SILENCE_FRAME = 160
"""Samples of a frame that is speech or silence: 10 ms."""
SILENCE_DEPTH = 40.0
"""dB below the loudest frame: a frame under this level is silence. That is 1 % of the amplitude."""
FFT_SAMPLES = 512
FLOOR = 60.0
"""dB below the maximum of the mean spectrum: the highest frequency above this level is the bandwidth."""
SILENCE = -120.0
"""dBFS reported for an utterance of zeros only."""


@dataclass(frozen=True)
class Shortcut:
    """One feature alone as the score, on one condition of one evaluation.

    `eer` is a fraction, in the better of the two directions, so it is at most 0.5 (no leak); `bonafide_is_larger` says
    which direction that is. The medians are in the unit of the feature.
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


def speech_span(waveform: NDArray[np.float32]) -> tuple[int, int]:
    """The samples, from the first to after the last, between leading and trailing silence; (0, 0) if all are zero.

    Silence are the frames of 10 ms, counted from the start, whose RMS is more than SILENCE_DEPTH below that of the
    loudest frame. A last frame may be shorter.
    """
    starts = np.arange(0, len(waveform), SILENCE_FRAME)
    lengths = np.minimum(SILENCE_FRAME, len(waveform) - starts)
    power = np.add.reduceat(np.square(waveform), starts) / lengths
    loud = np.flatnonzero((power > 0) & (power >= power.max() * 10 ** (-SILENCE_DEPTH / 10)))
    if not loud.size:
        return 0, 0
    return int(starts[loud[0]]), int(starts[loud[-1]] + lengths[loud[-1]])


def measure_shortcut(
    evaluation: str, condition: str, feature: Feature, bonafide: ArrayLike, spoof: ArrayLike
) -> Shortcut:
    """The EER of `feature` alone, from its values (trials,) in both classes. RequestError for an empty class."""
    bonafide_values, spoof_values = np.asarray(bonafide, dtype=np.float64), np.asarray(spoof, dtype=np.float64)
    rate = eer(bonafide_values, spoof_values, condition=f"{evaluation}/{condition}").eer
    return Shortcut(
        evaluation=evaluation,
        condition=condition,
        feature=feature,
        eer=min(rate, 1 - rate),
        bonafide_is_larger=rate <= 0.5,
        bonafide_median=float(np.median(bonafide_values)),
        spoof_median=float(np.median(spoof_values)),
        n_bonafide=len(bonafide_values),
        n_spoof=len(spoof_values),
    )


def _bandwidth(waveform: NDArray[np.float32]) -> float:
    """kHz, as `features` defines it."""
    padded = np.pad(waveform, (0, max(0, FFT_SAMPLES - len(waveform))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT_SAMPLES)[:: FFT_SAMPLES // 2]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(FFT_SAMPLES).astype(np.float32), axis=1))).mean(axis=0)
    if not power.any():
        return 0.0
    highest = int(np.flatnonzero(power >= power.max() * 10 ** (-FLOOR / 10))[-1])
    return highest * SAMPLE_RATE / FFT_SAMPLES / 1000
