"""The level at which a codec is run: a gain before coding, by loudness (BS.1770-4; undone after coding) or by peak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grid.core.errors import RequestError

SILENCE_LUFS = -70.0
BLOCK_SECONDS = 0.4
OVERLAP = 4


@dataclass(frozen=True)
class Level:
    """`none`; `loudness -16 dB`: to that loudness, and back after coding; `peak 0.95`: to that peak, not undone."""

    kind: Literal["none", "loudness", "peak"]
    target: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Level:
        """Read the `level` of a catalogue entry; RequestError on any other word."""
        match text.split():
            case ["none"]:
                return cls("none")
            case ["loudness", number, "dB"]:
                return cls("loudness", float(number))
            case ["peak", number]:
                return cls("peak", float(number))
        raise RequestError(f"unknown level {text!r}. Choices: none, loudness -16 dB, peak 0.95")

    def apply(self, waveforms: NDArray[np.float32], rate: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The levelled `(batch, samples)` and the `(batch,)` factors to divide the decoded audio by."""
        ones = np.ones(len(waveforms), dtype=np.float32)
        if self.kind == "none":
            return waveforms, ones
        gains = np.array([self._gain(row, rate) for row in waveforms], dtype=np.float32)
        return waveforms * gains[:, None], gains if self.kind == "loudness" else ones

    def _gain(self, waveform: NDArray[np.float32], rate: int) -> float:
        if self.kind == "peak":
            peak = float(np.abs(waveform).max())
            return self.target / peak if peak > 0 else 1.0
        loudness = integrated_loudness(waveform, rate)
        return float(10 ** ((self.target - loudness) / 20)) if loudness > SILENCE_LUFS else 1.0


def integrated_loudness(waveform: NDArray[np.float32], rate: int) -> float:
    """Gated loudness in LUFS of mono `(samples,)` after ITU-R BS.1770-4; -70 for silence.

    K-weighting by its two analogue prototypes mapped to `rate`, mean square over 400 ms blocks with 75 % overlap,
    absolute gate at -70 LUFS, relative gate at 10 LU below. Items shorter than a block count as one block.
    """
    weighted = _k_weighted(waveform.astype(np.float64), rate)
    block = int(BLOCK_SECONDS * rate)
    if weighted.size < block:
        weighted = np.pad(weighted, (0, block - weighted.size))
    windows = np.lib.stride_tricks.sliding_window_view(weighted, block)[:: block // OVERLAP]
    power = np.mean(windows**2, axis=1)
    loud = power[_lufs(power) > SILENCE_LUFS]
    if loud.size == 0:
        return SILENCE_LUFS
    kept = loud[_lufs(loud) > _lufs(loud.mean()) - 10.0]
    return max(float(_lufs(kept.mean())), SILENCE_LUFS)


def _lufs(power: NDArray[np.float64] | np.floating) -> NDArray[np.float64]:
    return np.asarray(-0.691 + 10 * np.log10(np.maximum(power, 1e-12)))


def _k_weighted(waveform: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """The high shelf (+4 dB above 1.7 kHz) and the high pass (38 Hz) of BS.1770 by the bilinear transform."""
    from scipy.signal import lfilter  # takes a second to import, and few codecs level anything

    tangent = np.tan(np.pi * 1681.974450955533 / rate)
    high, quality = 10 ** (3.999843853973347 / 20), 0.7071752369554196
    middle = high**0.4996667741545416
    scale = 1 + tangent / quality + tangent**2
    shelf = [high + middle * tangent / quality + tangent**2, 2 * (tangent**2 - high)]
    shelf.append(high - middle * tangent / quality + tangent**2)
    shelf_feedback = [scale, 2 * (tangent**2 - 1), 1 - tangent / quality + tangent**2]
    tangent, quality = np.tan(np.pi * 38.13547087602444 / rate), 0.5003270373238773
    pass_feedback = [1 + tangent / quality + tangent**2, 2 * (tangent**2 - 1), 1 - tangent / quality + tangent**2]
    pass_scale = pass_feedback[0]
    shelved = lfilter(shelf, shelf_feedback, waveform)
    return np.asarray(lfilter(np.array([1.0, -2.0, 1.0]), np.array(pass_feedback) / pass_scale, shelved))
