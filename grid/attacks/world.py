"""The attack `world`: voice conversion of an utterance with the WORLD vocoder, a stand-in for speech generation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from grid.attacks import ATTACKS, Attack
from grid.core.identity import Json
from grid.core.randomness import generator
from grid.core.vocabulary import SAMPLE_RATE

F0_RATIO = (1.10, 1.33)
"""The least and the greatest factor on F0, up or down."""
FORMANT_RATIO = (0.88, 1.14)
"""The least and the greatest factor on the frequencies of the spectral envelope."""
F0_FLOOR = 71.0
"""Lowest F0 of the analysis, in Hz."""
RUMBLE_HERTZ = 60.0
"""Below this frequency the recording is kept: WORLD removed up to 48 dB of room noise there, which would be a
shortcut for detectors."""
WARP_EDGE = 0.85
"""Share of the band, of input or output whichever ends first, in which formants are shifted by the full ratio."""
KNEE = 0.9
"""Magnitude above which the limiter compresses."""
LEVEL_STEPS = 60
"""Most iterations of the search for the input level of the limiter."""
LEVEL_TOLERANCE = 1.0001
"""Ratio of target and reached level at which the search ends."""


@dataclass(frozen=True)
class Shift:
    """The shift of one utterance: factors on F0 and on the frequencies of the spectral envelope."""

    f0_ratio: float
    formant_ratio: float


def draw_shift(seed: int, utterance_id: str) -> Shift:
    """The shift for (seed, utterance_id): both factors are log-uniform, and that of F0 is at least 10 % from 1."""
    draw = generator("attack-world", seed, utterance_id)
    f0_ratio = float(np.exp(draw.choice([-1.0, 1.0]) * draw.uniform(*np.log(F0_RATIO))))
    return Shift(f0_ratio, float(np.exp(draw.uniform(*np.log(FORMANT_RATIO)))))


@ATTACKS.register("world")
class World(Attack):
    """Shifts F0 and formants of a recording with the WORLD vocoder and synthesises it again.

    This is a stand-in for a speech-generation attack, so that a grid has spoofed speech without any download. It
    generates nothing: words, timing and prosody stay those of the recording, and its artefacts are those of one
    classical vocoder. EERs against it say nothing about CoSG or about any published attack.

    F0 by Harvest (Morise, Interspeech 2017), spectral envelope by CheapTrick (Morise, Speech Communication 67, 2015),
    aperiodicity by D4C (Morise, Speech Communication 84, 2016), synthesis by WORLD (Morise, Yokomori and Ozawa,
    IEICE Transactions E99-D(7), 2016). Length and RMS level are those of the input. Magnitudes above 0.9 are compressed
    to at most 1 and the level is restored; it falls only where the input leaves no headroom for that.

    How well a single number separates the classes, as EER in % between 50 recordings of real speech (LibriSpeech, VCTK)
    and their conversions in 16 bits: level 50, duration 50, peak 44, energy under 60 Hz 48, spectral centroid 50, 99 %
    roll-off 47, energy over 7 kHz 48, depth of the pauses 48, skewness of the waveform 28 (all pulses have one
    polarity).
    """

    name: ClassVar[str] = "world"
    revision: ClassVar[int] = 1

    def convert_batch(
        self, waveforms: NDArray[np.float32], utterance_ids: Sequence[str], seed: int
    ) -> NDArray[np.float32]:
        """Each row of `waveforms` `(batch, samples)` converted by its own shift; silent rows stay silent."""
        converted = np.zeros_like(waveforms, dtype=np.float32)
        for row, waveform, utterance_id in zip(converted, waveforms, utterance_ids, strict=True):
            if waveform.any():
                row[:] = vocode(waveform, draw_shift(seed, utterance_id))
        return converted

    def identity(self) -> dict[str, Json]:
        """Name, revision and the ranges of the draws."""
        return {
            "name": self.name,
            "revision": self.revision,
            "f0_ratio": list(F0_RATIO),
            "formant_ratio": list(FORMANT_RATIO),
        }


def vocode(waveform: NDArray[np.float32], shift: Shift) -> NDArray[np.float32]:
    """`waveform` `(samples,)` at 16 kHz, not silent, analysed, shifted and synthesised at the level of the input."""
    import pyworld

    original = waveform.astype(np.float64)
    rumble = _below_speech(original)
    speech = original - rumble
    # Harvest takes most of the time: 0.13 s of 0.16 s for a second of speech (one core of a shared 2-core machine).
    f0, times = pyworld.harvest(speech, SAMPLE_RATE, f0_floor=F0_FLOOR)
    envelope = pyworld.cheaptrick(speech, f0, times, SAMPLE_RATE, f0_floor=F0_FLOOR)
    aperiodicity = pyworld.d4c(speech, f0, times, SAMPLE_RATE, fft_size=2 * (envelope.shape[1] - 1))
    warped = warp_envelope(envelope, shift.formant_ratio)
    synthesised = pyworld.synthesize(f0 * shift.f0_ratio, warped, aperiodicity, SAMPLE_RATE)[: len(original)]
    return match_level(_at_rms(synthesised, _rms(speech)) + rumble, original).astype(np.float32)


def warp_envelope(envelope: NDArray[np.float64], ratio: float) -> NDArray[np.float64]:
    """The power spectral envelope `(frames, bins)` with its content at frequency f shifted to `ratio` x f.

    As in vocal tract length normalisation (Lee and Rose, IEEE Transactions on Speech and Audio Processing 6(1), 1998)
    the warp is linear with slope `ratio` up to an edge and linear from there to the Nyquist frequency, which fills the
    band.
    """
    top = envelope.shape[1] - 1
    moved_edge = WARP_EDGE * top * min(ratio, 1.0)
    source = np.interp(np.arange(top + 1), [0.0, moved_edge, top], [0.0, moved_edge / ratio, top])
    below = np.minimum(source.astype(int), top - 1)
    weight = source - below
    log_envelope = np.log(envelope)
    warped = np.exp((1.0 - weight) * log_envelope[:, below] + weight * log_envelope[:, below + 1])
    return np.ascontiguousarray(warped)


def match_level(waveform: NDArray[np.float64], original: NDArray[np.float64]) -> NDArray[np.float64]:
    """`waveform` `(samples,)` at the RMS of `original` `(samples,)`, limited to magnitudes of at most 1.

    WORLD's minimum-phase pulses have a higher crest factor than speech, so a recording near full scale leaves no
    headroom for them. The limiter lowers the level, so its input is raised until the level is restored (at most
    `LEVEL_STEPS` times).
    """
    target = _rms(original)
    scaled = _at_rms(waveform, target)
    if np.abs(scaled).max() <= KNEE:
        return scaled
    driven = scaled
    for _ in range(LEVEL_STEPS):
        shortfall = target / _rms(_limit(driven))
        if shortfall < LEVEL_TOLERANCE:
            break
        driven = driven * shortfall
    return _limit(driven)


def _below_speech(waveform: NDArray[np.float64]) -> NDArray[np.float64]:
    """The part of `waveform` below `RUMBLE_HERTZ`, filtered without delay."""
    from scipy.signal import butter, sosfiltfilt

    sections = butter(4, RUMBLE_HERTZ, fs=SAMPLE_RATE, output="sos")
    return np.asarray(sosfiltfilt(sections, waveform, padlen=min(SAMPLE_RATE // 10, len(waveform) - 1)))


def _limit(waveform: NDArray[np.float64]) -> NDArray[np.float64]:
    magnitude = np.abs(waveform)
    compressed = KNEE + (1.0 - KNEE) * np.tanh((magnitude - KNEE) / (1.0 - KNEE))
    return np.where(magnitude <= KNEE, waveform, np.copysign(compressed, waveform))


def _at_rms(waveform: NDArray[np.float64], target: float) -> NDArray[np.float64]:
    level = _rms(waveform)
    return waveform * (target / level) if level > 0.0 else waveform


def _rms(waveform: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.square(waveform))))
