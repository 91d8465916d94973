"""Attacks that the project makes itself, as stand-ins for speech generation: their contract, one module per attack."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from grid.core.errors import RequestError
from grid.core.identity import Json
from grid.core.plugins import Registry


class Attack(ABC):
    """A conversion of speech whose random draws for an utterance are a pure function of (seed, utterance_id).

    A subclass sets `name` and `revision` (raised by hand when its output changes) and is registered in `ATTACKS` under
    its name.
    """

    name: ClassVar[str]
    revision: ClassVar[int]

    @abstractmethod
    def convert_batch(
        self, waveforms: NDArray[np.float32], utterance_ids: Sequence[str], seed: int
    ) -> NDArray[np.float32]:
        """The conversion itself, on checked arguments: `(batch, samples)`, float32 at 16 kHz, in and out."""

    @abstractmethod
    def identity(self) -> dict[str, Json]:
        """Everything that can change the output: name, revision and arguments; equal in every process."""

    def convert(self, waveforms: NDArray[np.float32], utterance_ids: Sequence[str], seed: int) -> NDArray[np.float32]:
        """`waveforms` `(batch, samples)`, float32 at 16 kHz, converted: same shape, aligned with the input, finite.

        Row `i` depends on `waveforms[i]`, `utterance_ids[i]` and `seed` only, not on the rest of the batch. Raises
        RequestError when the shape is not `(batch, samples)`, the ids are not one for each row, a sample is not finite,
        or the attack changes the shape.
        """
        if waveforms.ndim != 2 or len(utterance_ids) != len(waveforms):
            raise RequestError(
                f"attack {self.name!r} takes waveforms (batch, samples) and one utterance_id for each row, "
                f"not shape {waveforms.shape} with {len(utterance_ids)} ids"
            )
        for utterance_id, waveform in zip(utterance_ids, waveforms, strict=True):
            if not np.isfinite(waveform).all():
                raise RequestError(f"utterance {utterance_id!r} holds a sample that is not finite; check its file")
        converted = self.convert_batch(waveforms, utterance_ids, seed)
        if converted.shape != waveforms.shape:
            raise RequestError(
                f"attack {self.name!r} made {converted.shape} of {waveforms.shape}; it must keep the shape"
            )
        return converted


ATTACKS: Registry[type[Attack]] = Registry(kind="attack", package="grid.attacks")


def build_attack(name: str) -> Attack:
    """A new instance of the attack called `name`; RequestError, with the choices, when there is none."""
    return ATTACKS.get(name)()
