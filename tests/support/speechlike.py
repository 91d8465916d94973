"""Makes small audio for the tests of corpora: tones with noise from a fixed seed, as arrays and as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray


def tone(frames: int, sample_rate: int = 16_000, *, hertz: float = 440.0, seed: int = 0) -> NDArray[np.float32]:
    """float32 (frames,): a tone at 0.4 of full scale with a little noise."""
    noise = np.random.default_rng(seed).standard_normal(frames) * 0.01
    return (0.4 * np.sin(2 * np.pi * hertz * np.arange(frames) / sample_rate) + noise).astype(np.float32)


def write_tone(path: Path, frames: int = 8_000, sample_rate: int = 16_000, *, seed: int = 0) -> Path:
    """A mono file at `path`, in the format its suffix says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(frames, sample_rate, seed=seed), sample_rate)
    return path
