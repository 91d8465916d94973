"""The augmentation chain of a recipe: draws which steps are applied to an utterance in an epoch, and applies them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from grid.config.augmentation import AugmentationStep, Noise, RawBoost, Reverberation
from grid.core.errors import RequestError
from grid.core.randomness import generator
from grid.inputs.augment.noise_and_rooms import add_noise, noise_segment, reverberate
from grid.inputs.augment.rawboost import rawboost


class WaveformBank(Protocol):
    """Impulse responses or noises to draw from, such as `grid.resynthesis.rendition_audio.RenditionAudio`."""

    def __len__(self) -> int:
        """How many there are."""

    def waveform(self, row: int) -> NDArray[np.float32]:
        """One recording, float32 `(samples,)` at 16 kHz."""


class Augmenter:
    """Applies steps in their order, each with its probability.

    The draws of a step depend on (kind, place in the chain, seed, epoch, utterance id) alone: not on other utterances,
    nor on the draws of the other steps.
    """

    def __init__(
        self,
        steps: Sequence[AugmentationStep],
        impulse_responses: WaveformBank | None = None,
        noises: WaveformBank | None = None,
    ) -> None:
        """Raises RequestError when a step of kind rir or noise has no bank, or an empty one."""
        self.steps = tuple(steps)
        self._banks = {"rir": impulse_responses, "noise": noises}
        self._unchanged: list[tuple[str, str]] = []
        for step in self.steps:
            if step.kind != "rawboost":
                _check_bank(step.kind, self._banks[step.kind])

    def __call__(
        self, waveform: NDArray[np.float32], *, seed: int, epoch: int, utterance_id: str
    ) -> NDArray[np.float32]:
        """`waveform` `(samples,)`, float32 at 16 kHz, augmented: same shape and type, the input is not changed.

        Where no step was drawn the result is the input itself. Raises RequestError for a waveform without samples or of
        more than one dimension.
        """
        if waveform.ndim != 1 or len(waveform) == 0:
            raise RequestError(f"{utterance_id}: augmentation needs samples of shape (samples,), not {waveform.shape}")
        for place, step in enumerate(self.steps):
            rng = generator(f"augment-{step.kind}-{place}", seed, epoch, utterance_id)
            if rng.random() < step.probability:
                before, waveform = waveform, self._applied(step, waveform, rng)
                if waveform is before:
                    self._unchanged.append((step.kind, utterance_id))  # of several threads: append is atomic
        return waveform

    def take_unchanged(self) -> list[tuple[str, str]]:
        """Sorted pairs of a step's kind and the id of an utterance that it could not change, since the last call.

        Nothing can be added to silence at an SNR, or be heard of a response that starts after the waveform's end.
        """
        unchanged, self._unchanged = self._unchanged, []
        return sorted(unchanged)

    def _applied(
        self, step: AugmentationStep, waveform: NDArray[np.float32], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        match step:
            case RawBoost():
                return rawboost(waveform, step, rng)
            case Reverberation():
                return reverberate(waveform, self._drawn(step.kind, rng), response_dbfs=step.response_dbfs)
            case Noise():
                noise = noise_segment(self._drawn(step.kind, rng), len(waveform), rng)
                return add_noise(waveform, noise, rng.uniform(step.snr_minimum, step.snr_maximum))

    def _drawn(self, kind: str, rng: np.random.Generator) -> NDArray[np.float32]:
        bank = self._banks[kind]
        assert bank is not None  # __init__ has checked
        return bank.waveform(int(rng.integers(len(bank))))


def _check_bank(kind: str, bank: WaveformBank | None) -> None:
    if bank is None or len(bank) == 0:
        needed = "room impulse responses" if kind == "rir" else "noise recordings"
        state = "none were given" if bank is None else "the given corpus has none"
        raise RequestError(
            f"augmentation step {kind!r} needs {needed}; {state}. Import them: codecgrid import rirs FOLDER --name NAME"
        )
