"""Shortcut controls: take silence, bandwidth or level away from the utterances of both classes, in tests alone.

What a detector still tells apart after a control is not due to what the control took away. They are the last link of a
chain: `silence-cut` of a recording, of CoRS, of generated speech.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from grid.core.errors import RequestError
from grid.core.vocabulary import SAMPLE_RATE, Control
from grid.metrics.shortcut_features import speech_span

CONTROL_REVISION = 1
"""Raised by hand when a control gives other samples than before."""
LEVEL = -30.0
"""dBFS (RMS): low enough that speech at this level does not clip."""
PASS_EDGE, STOP_EDGE, STOP_ATTENUATION = 3600.0, 4000.0, 80.0
"""Hz, Hz and dB of the low-pass."""
UTTERANCES_AT_ONCE = 64

Samples = NDArray[np.float32]


def cut_silence(waveform: Samples) -> Samples:
    """The utterance between leading and trailing silence (`speech_span`); RequestError where there is only silence."""
    start, stop = speech_span(waveform)
    if start == stop:
        raise RequestError("it is silent: nothing is left without its silence")
    return waveform[start:stop]


def low_pass(waveform: Samples) -> Samples:
    """The utterance without what is above STOP_EDGE: a linear-phase Kaiser filter, its delay removed."""
    from scipy.signal import oaconvolve  # 0.2 s, which a plan does without

    filtered: Samples = oaconvolve(waveform, _low_pass_filter(), mode="same").astype(np.float32)
    return filtered


def equal_level(waveform: Samples) -> Samples:
    """The utterance at LEVEL; RequestError for silence, and where a sample would be above full scale."""
    rms = float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))
    if rms == 0:
        raise RequestError("it is silent: no gain gives it a level")
    levelled: Samples = waveform * np.float32(10 ** (LEVEL / 20) / rms)
    peak = float(np.abs(levelled).max())
    if peak > 1:
        raise RequestError(f"at {LEVEL:g} dBFS (RMS) its peak would be {peak:.2f}, above full scale")
    return levelled


CONTROLS: dict[Control, Callable[[Samples], Samples]] = {
    "silence-cut": cut_silence,
    "low-pass-4khz": low_pass,
    "equal-level": equal_level,
}


def control_identity(control: Control) -> dict[str, Any]:
    """Everything that can change its output."""
    return {"name": control, "revision": CONTROL_REVISION}


@dataclass(frozen=True)
class ControlLink:
    """A control as the last link of a chain; a `GroupProcessor` of grid.resynthesis.render."""

    control: Control
    group: ClassVar[int] = UTTERANCES_AT_ONCE

    def __call__(self, waveforms: Samples, utterance_ids: Sequence[str]) -> Samples:
        """One utterance `(1, samples)`, float32 at 16 kHz; with `silence-cut` the result may be shorter."""
        return np.stack(self.each(list(waveforms), utterance_ids))

    def each(self, waveforms: Sequence[Samples], utterance_ids: Sequence[str]) -> list[Samples]:
        """Each utterance `(samples,)`, float32 at 16 kHz, after the control; one id for each."""
        return [CONTROLS[self.control](waveform) for waveform in waveforms]


def _low_pass_filter() -> Samples:
    from scipy.signal import firwin, kaiserord

    taps, beta = kaiserord(STOP_ATTENUATION, (STOP_EDGE - PASS_EDGE) / (SAMPLE_RATE / 2))
    middle = (PASS_EDGE + STOP_EDGE) / 2
    coefficients: Samples = firwin(taps | 1, middle, window=("kaiser", beta), fs=SAMPLE_RATE).astype(np.float32)
    return coefficients
