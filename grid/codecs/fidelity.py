"""Measures of the difference between an utterance before and after a codec: lag, level change, log-spectral distance,
correlation. Waveforms are `(samples,)` at one rate; the library calls them at 16 kHz.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Waveform = NDArray[np.float32]

FFT_SAMPLES = 512
HOP_SAMPLES = 128
FLOOR = 1e-4
"""Least magnitude in the log spectrum, 80 dB below a full-scale constant: differences in silence count little."""


@dataclass(frozen=True)
class Inspection:
    """How a decoded waveform differs from its reference.

    `lag` in samples, positive when the decoded waveform is late; `level_change` and `log_spectral_distance` in dB;
    `correlation` is Pearson's at lag 0.
    """

    lag: int
    level_change: float
    log_spectral_distance: float
    correlation: float


def inspect_pair(reference: Waveform, decoded: Waveform) -> Inspection:
    """All four figures of one utterance before and after a codec."""
    return Inspection(
        lag=lag(reference, decoded),
        level_change=level_change(reference, decoded),
        log_spectral_distance=log_spectral_distance(reference, decoded),
        correlation=float(np.corrcoef(reference, decoded)[0, 1]),
    )


def lag(reference: Waveform, decoded: Waveform, limit: int = 1600) -> int:
    """Samples by which `decoded` comes late, at the peak of their cross-correlation within +-`limit`."""
    size = len(reference) + len(decoded)
    spectrum = np.fft.rfft(decoded, size) * np.conj(np.fft.rfft(reference, size))
    correlation = np.fft.irfft(spectrum, size)
    window = min(limit, size // 2 - 1)
    centred = np.concatenate([correlation[size - window :], correlation[: window + 1]])
    return int(np.argmax(centred)) - window


def level_change(reference: Waveform, decoded: Waveform) -> float:
    """Root-mean-square level of `decoded` over that of `reference`, in dB; nan when either is silent."""
    before, after = (float(np.sqrt(np.mean(np.square(item, dtype=np.float64)))) for item in (reference, decoded))
    return 20.0 * float(np.log10(after / before)) if before > 0 and after > 0 else float("nan")


def log_spectral_distance(reference: Waveform, decoded: Waveform) -> float:
    """The RMS difference of log magnitude spectra over frequency, averaged over frames, in dB (Gray & Markel 1976)."""
    difference = _log_spectrum(reference) - _log_spectrum(decoded)
    return float(np.mean(np.sqrt(np.mean(difference**2, axis=1))))


def _log_spectrum(waveform: Waveform) -> NDArray[np.float64]:
    padded = np.pad(waveform, (0, max(0, FFT_SAMPLES - len(waveform))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT_SAMPLES)[::HOP_SAMPLES]
    window = np.hanning(FFT_SAMPLES)
    magnitude = np.abs(np.fft.rfft(frames * window, axis=1)) / window.sum()
    return np.asarray(20.0 * np.log10(np.maximum(magnitude, FLOOR)))
