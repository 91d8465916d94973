"""Renders the synthetic room impulse responses of the sample: `python -m grid.corpus.sample.render_rirs OUT`.

A direct path, then Gaussian noise that decays exponentially by 60 dB in T60 seconds (Moorer 1979, "About this
reverberation business"), in the folders of RIRS_NOISES. They replace measured responses where none are available.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from grid.core.randomness import generator

SAMPLE_RATE = 16_000
ROOMS = {"smallroom": 0.2, "mediumroom": 0.4, "largeroom": 0.7}
"""Reverberation time T60 in seconds."""
PER_ROOM = 4
"""Responses per room."""
DIRECT_TO_REVERBERANT_DB = 3.0
"""Energy of the direct path over that of the tail, in dB."""
PRE_DELAY = 32
"""Samples between the direct path and the first reflection: 2 ms."""


def impulse_response(t60: float, name: str) -> NDArray[np.float32]:
    """A response with reverberation time `t60` in seconds: `(samples,)` at 16 kHz, peak 0.9; `name` seeds its noise."""
    rng = generator("synthetic impulse response", name)
    time = np.arange(int(t60 * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / t60)
    tail[:PRE_DELAY] = 0.0
    tail *= 10 ** (-DIRECT_TO_REVERBERANT_DB / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return (0.9 * tail / np.abs(tail).max()).astype(np.float32)


def render(folder: Path) -> list[Path]:
    """Writes all responses below `folder` as 16-bit FLAC and returns their paths."""
    written = []
    for room, t60 in ROOMS.items():
        for number in range(1, PER_ROOM + 1):
            file = folder / "simulated_rirs" / room / "Room001" / f"Room001-{number:05d}.flac"
            file.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(file, impulse_response(t60, f"{room}-{number}"), SAMPLE_RATE, subtype="PCM_16")
            written.append(file)
    return written


if __name__ == "__main__":
    render(Path(sys.argv[1]))
