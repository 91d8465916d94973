"""Audio for the tests of codecs: a voiced synthetic signal, and real utterances by their id, at 16 kHz."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

UTTERANCES = ("1998-15444-0000", "3005-163389-0007", "p226_003", "p228_008")


def voiced(samples: int, pitch: float = 120.0) -> NDArray[np.float32]:
    """Harmonics of a gliding pitch under a syllable-like envelope with a little noise: `(samples,)` at 16 kHz."""
    time = np.arange(samples) / 16_000
    phase = 2 * np.pi * (pitch * time + 8 * np.sin(2 * np.pi * 0.7 * time))
    tone = np.sum([np.sin(k * phase) / k for k in range(1, 20)], axis=0)
    noise = np.random.default_rng(7).standard_normal(samples)
    envelope = 0.15 + np.abs(np.sin(2 * np.pi * 2.3 * time))
    return np.asarray(0.15 * envelope * (tone + 0.02 * noise), dtype=np.float32)


def real(folder: Path, utterance_id: str) -> NDArray[np.float32]:
    """A real utterance of `../shared/speech`, `(samples,)` at 16 kHz."""
    with (folder / "protocol.csv").open() as stream:
        paths = {row["utterance_id"]: row["path"] for row in csv.DictReader(stream)}
    samples: NDArray[np.float32] = soundfile.read(folder / paths[utterance_id], dtype="float32")[0]
    return samples
