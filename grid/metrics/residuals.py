"""Artefacts of codecs as residual spectrograms, and the similarity of two of them: SSIM and Pearson correlation.

After the artefact analysis of CodecFake+ (Chen et al., 2025, Table VIII and Figure 8): the residual is the original
minus the resynthesised spectrogram. The paper does not state transform, dynamic range and alignment; those here are
our choice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]

FFT_SAMPLES, HOP_SAMPLES = 512, 128
"""32 ms and 8 ms at 16 kHz."""
DYNAMIC_RANGE = 80.0
"""Spectrograms are clipped at this many dB below the loudest bin of the recording: quieter bins count as equal."""
SSIM_SIGMA, SSIM_WINDOW = 1.5, 11
"""Wang et al. (2004, section III.C): a Gaussian window of 11 by 11 bins with a deviation of 1.5."""
LEAST_SAMPLES = FFT_SAMPLES + (SSIM_WINDOW - 1) * HOP_SAMPLES
"""The shortest utterance: as many frames as the window of SSIM is wide."""
LARGEST_LAG = 800
"""Samples, 50 ms: a larger delay means that the delay compensation of the codec was lost, which is no artefact."""
LEAST_CORRELATION = 0.3
"""Below it two waveforms share no phase (vocoders), the peak of their correlation is chance, and the lag is 0."""


@dataclass(frozen=True)
class Residual:
    """`spectrogram` float32 (bins, frames): original minus resynthesised, in dB, after a shift by `lag` samples.

    Bin 0 is 0 Hz, the last one 8 kHz. A positive lag means that the resynthesised speech came late.
    """

    spectrogram: Float32Array
    lag: int


def residual(recording: Float32Array, resynthesised: Float32Array) -> Residual:
    """The residual between a recording, float32 (samples,) at 16 kHz, and its resynthesised version of any length.

    Raises ValueError for a recording of fewer than LEAST_SAMPLES, or one that is silent.
    """
    if len(recording) < LEAST_SAMPLES or not recording.any():
        raise ValueError(f"a residual needs {LEAST_SAMPLES} samples of sound, got {len(recording)}")
    delay = lag(recording, resynthesised)
    original = _magnitudes(recording)
    loudest = float(original.max())
    aligned = _magnitudes(shifted(resynthesised, delay, len(recording)))
    return Residual(_decibels(original, loudest) - _decibels(aligned, loudest), delay)


def lag(recording: Float32Array, resynthesised: Float32Array) -> int:
    """The delay in samples of `resynthesised` against `recording`: the peak of their correlation within LARGEST_LAG.

    0 where the normalised correlation at the peak is below LEAST_CORRELATION.
    """
    from scipy.signal import correlate, correlation_lags

    energy = float(np.linalg.norm(recording)) * float(np.linalg.norm(resynthesised))
    if energy == 0:
        return 0
    products = correlate(resynthesised, recording, method="fft")
    lags = correlation_lags(len(resynthesised), len(recording))
    near = np.abs(lags) <= LARGEST_LAG
    best = int(np.argmax(products[near]))
    return int(lags[near][best]) if products[near][best] >= LEAST_CORRELATION * energy else 0


def shifted(waveform: Float32Array, samples: int, length: int) -> Float32Array:
    """`waveform` (any,) advanced by `samples`, float32 (length,), padded with zeros."""
    moved = waveform[samples:] if samples >= 0 else np.concatenate([np.zeros(-samples, np.float32), waveform])
    moved = moved[:length]
    return np.pad(moved, (0, length - len(moved)))


def structural_similarity(first: Float32Array, second: Float32Array) -> float:
    """SSIM of two residuals (bins, frames) in dB: 1 for equal ones (Wang et al., 2004, equation 13, averaged).

    The data range is that of all possible residuals, so that values of different pairs can be compared.
    """
    from skimage.metrics import structural_similarity as ssim

    return float(
        ssim(
            first,
            second,
            data_range=2 * DYNAMIC_RANGE,
            gaussian_weights=True,
            sigma=SSIM_SIGMA,
            use_sample_covariance=False,
        )
    )


def pearson_correlation(first: Float32Array, second: Float32Array) -> float:
    """Pearson's correlation of the bins of two residuals (bins, frames); NaN if either of them is constant."""
    a, b = (values.astype(np.float64).ravel() for values in (first, second))
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / scale if scale > 0 else float("nan")


def _magnitudes(waveform: Float32Array) -> Float32Array:
    """float32 (bins, frames): magnitudes under a periodic Hann window, whole frames only."""
    frames = np.lib.stride_tricks.sliding_window_view(waveform, FFT_SAMPLES)[::HOP_SAMPLES]
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT_SAMPLES) / FFT_SAMPLES)).astype(np.float32)
    return np.abs(np.fft.rfft(frames * window, axis=1)).T.astype(np.float32)


def _decibels(magnitudes: Float32Array, loudest: float) -> Float32Array:
    """dB relative to `loudest`, from -DYNAMIC_RANGE to 0."""
    least = loudest * 10 ** (-DYNAMIC_RANGE / 20)
    return (20 * np.log10(np.clip(magnitudes, least, loudest) / loudest)).astype(np.float32)
