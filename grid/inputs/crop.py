"""Cuts or repeats a waveform to a fixed number of samples."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from grid.core.errors import RequestError, unknown_name
from grid.core.randomness import generator

CropMode = Literal["first", "random"]


def crop_generator(seed: int, epoch: int, utterance_id: str) -> np.random.Generator:
    """The generator that places the crop of one utterance in one epoch of a training with `seed`."""
    return generator("crop", seed, epoch, utterance_id)


def evaluation_crop_generator(seed: int, epoch: int, utterance_id: str) -> np.random.Generator:
    """The generator of random crops in evaluation, for recipes that reproduce such code; the test set is epoch 0."""
    return generator("evaluation crop", seed, epoch, utterance_id)


def fixed_length(
    waveform: NDArray[np.float32], samples: int, mode: CropMode = "first", rng: np.random.Generator | None = None
) -> NDArray[np.float32]:
    """Exactly `samples` samples of `waveform` `(length,)`, as a contiguous copy; a short one is repeated end to end.

    `first` takes the first samples, as AASIST does on development and test data. `random` starts anywhere the crop
    fits, the last place included, as the CDD recipe does: a short waveform is first repeated the least whole number of
    times that reaches `samples`, and the start is then random there too. `random` needs `rng` and always takes one
    draw from it. Raises RequestError on an empty waveform, a waveform of more than one dimension, fewer than one
    sample requested, an unknown mode, or `random` without a generator.
    """
    length = _checked_length(waveform, samples)
    repeats = -(-samples // length)
    if mode == "first":
        start = 0
    elif mode == "random":
        if rng is None:
            raise RequestError("crop mode 'random' needs a generator; make one with grid.inputs.crop.crop_generator")
        start = int(rng.integers(repeats * length - samples, endpoint=True))
    else:
        raise unknown_name("crop mode", mode, get_args(CropMode))
    repeated = np.tile(waveform, repeats) if repeats > 1 else waveform
    return np.array(repeated[start : start + samples], dtype=np.float32)


def _checked_length(waveform: NDArray[np.float32], samples: int) -> int:
    if waveform.ndim != 1:
        raise RequestError(f"a crop takes one channel of shape (samples,), not shape {waveform.shape}")
    if len(waveform) == 0:
        raise RequestError("a waveform of 0 samples cannot be cropped or repeated; leave this utterance out")
    if samples < 1:
        raise RequestError(f"a crop needs at least 1 sample, not {samples}")
    return len(waveform)
