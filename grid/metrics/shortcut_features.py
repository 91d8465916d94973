"""Numbers of a waveform that may tell the classes apart and are no artefact of generation, one definition of each.

The silence around speech is the field's known case: its length alone has an EER of 15.1 % on ASVspoof 2019 (Müller et
al. 2021, "Speech is Silver, Silence is Golden", abstract). Bandwidth is that of corpora of different origin.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grid.core.vocabulary import SAMPLE_RATE

Feature = Literal["duration", "level", "silence", "bandwidth", "clipping"]
FEATURES: tuple[Feature, ...] = ("duration", "level", "silence", "bandwidth", "clipping")
UNITS: dict[Feature, str] = {"duration": "s", "level": "dBFS", "silence": "s", "bandwidth": "kHz", "clipping": "%"}
FEATURES_REVISION = 2
"""To be raised by hand when the same audio gives other features than before; stored features have it in their path."""

FFT_SAMPLES = 512
FLOOR = 60.0
"""dB below the maximum of the mean spectrum: the highest frequency above this level is the bandwidth."""
FRAMES_AT_ONCE = 4096
"""Frames whose spectra are held at once, 8 MB: 65 s of audio."""
NO_LEVEL = -120.0
"""dBFS reported for an utterance of zeros only."""
SILENCE_FRAME = 160
"""Samples of a frame that is speech or silence: 10 ms."""
SILENCE_DEPTH = 40.0
"""dB below the loudest frame: a frame under this level is silence. That is 1 % of the amplitude."""
FULL_SCALE = 32767 / 32768
"""The largest value of 16-bit PCM: a sample of this magnitude or more is clipped."""


def features(waveform: NDArray[np.float32]) -> dict[Feature, float]:
    """The features of a waveform, float32 (samples,) at 16 kHz, each in its unit of UNITS.

    `level` is the RMS over all samples. `silence` is what `speech_span` leaves at both ends. `bandwidth` is the
    highest frequency at which the mean power spectrum (Hann windows of 32 ms, half overlapping) is within FLOOR of its
    maximum, in steps of 31.25 Hz; 0 for a waveform of zeros. `clipping` is the share of samples at FULL_SCALE.
    """
    rms = float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))
    level = 20 * np.log10(rms) if rms > 0 else NO_LEVEL
    start, stop = speech_span(waveform)
    return {
        "duration": len(waveform) / SAMPLE_RATE,
        "level": max(level, NO_LEVEL),
        "silence": (len(waveform) - (stop - start)) / SAMPLE_RATE,
        "bandwidth": _bandwidth(waveform),
        "clipping": clipping(waveform),
    }


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


def clipping(samples: NDArray[np.float32]) -> float:
    """The share in % of samples, float32 (samples,) at any rate, whose magnitude is at least FULL_SCALE."""
    return 100 * float(np.count_nonzero(np.abs(samples) >= FULL_SCALE)) / len(samples)


def _bandwidth(waveform: NDArray[np.float32]) -> float:
    """kHz, as `features` defines it."""
    import scipy.fft  # half a second, which reading a stored audit can do without

    padded = np.pad(waveform, (0, max(0, FFT_SAMPLES - len(waveform))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT_SAMPLES)[:: FFT_SAMPLES // 2]
    window = np.hanning(FFT_SAMPLES).astype(np.float32)
    power = np.zeros(FFT_SAMPLES // 2 + 1)
    for first in range(0, len(frames), FRAMES_AT_ONCE):
        # numpy's rfft of float32 takes four times as long
        spectra = scipy.fft.rfft(frames[first : first + FRAMES_AT_ONCE] * window, axis=1)
        power += (np.square(spectra.real) + np.square(spectra.imag)).sum(axis=0)
    if not power.any():
        return 0.0
    highest = int(np.flatnonzero(power >= power.max() * 10 ** (-FLOOR / 10))[-1])
    return highest * SAMPLE_RATE / FFT_SAMPLES / 1000
