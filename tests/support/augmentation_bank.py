"""Small recordings for the tests of augmentation: speech-like noise, and a bank to draw from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from grid.core.randomness import generator


def speech(samples: int = 16_000, *, name: str = "speech", peak: float = 0.9) -> NDArray[np.float32]:
    """float32 (samples,): a buzz of 110 Hz with an uneven envelope and some noise, its peak as given."""
    time = np.arange(samples) / 16_000
    buzz = sum(np.sin(2 * np.pi * 110 * k * time) / k for k in range(1, 30))
    noise = generator(name).standard_normal(samples)
    wave = (buzz + 0.3 * noise) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time))
    return np.asarray(peak * wave / np.max(np.abs(wave)), np.float32)


@dataclass
class Bank:
    """Recordings in a list; `given` notes the rows that were asked for."""

    recordings: list[NDArray[np.float32]]
    given: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.recordings)

    def waveform(self, row: int) -> NDArray[np.float32]:
        self.given.append(row)
        return self.recordings[row]
