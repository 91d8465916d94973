"""Builds the last link of a chain, a codec, an attack or a control, as a function on batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grid.attacks import build_attack
from grid.codecs.catalogue import build
from grid.codecs.contract import Codec
from grid.codecs.isolation.adapter import IsolatedAdapter
from grid.core.vocabulary import Control
from grid.resynthesis.controls import ControlLink
from grid.resynthesis.render import Processor


@dataclass(frozen=True)
class CodecLink:
    """A codec as the last link of a chain; a `GroupProcessor` and a `NativeProcessor` of grid.resynthesis.render."""

    codec: Codec
    seed: int

    @property
    def group(self) -> int:
        """Number of items of different lengths that are coded together; 1: only items of equal length."""
        return self.codec.adapter.group

    def __call__(self, waveforms: NDArray[np.float32], utterance_ids: Sequence[str]) -> NDArray[np.float32]:
        """`waveforms` `(batch, samples)`, float32 at 16 kHz, resynthesised to the same shape."""
        return self.codec.resynthesise(waveforms, utterance_ids, self.seed)

    def each(self, waveforms: Sequence[NDArray[np.float32]], utterance_ids: Sequence[str]) -> list[NDArray[np.float32]]:
        """Each item `(samples,)`, float32 at 16 kHz, resynthesised to the same shape."""
        return self.codec.resynthesise_each(waveforms, utterance_ids, self.seed)

    def from_rate(
        self, waveforms: Sequence[NDArray[np.float32]], utterance_ids: Sequence[str], rate: int, samples: Sequence[int]
    ) -> list[NDArray[np.float32]]:
        """Each item `(samples at rate,)`, float32, resynthesised to `samples` at 16 kHz; alone where `group` is 1."""
        if self.group > 1:
            return self.codec.resynthesise_each(waveforms, utterance_ids, self.seed, rate=rate, samples=samples)
        batch = np.stack(waveforms)
        return list(self.codec.resynthesise(batch, utterance_ids, self.seed, rate=rate, samples=samples[0]))


def build_processor(
    attack: str, codec: str, control: Control | Literal[""], seed: int, device: str = "cpu"
) -> Processor | None:
    """The one link that is named (`RenderJob.last_link`), as a function on batches; None when all are ""."""
    if control:
        return ControlLink(control)
    if codec:
        built = build(codec, device=device)
        if isinstance(built.adapter, IsolatedAdapter):
            built.adapter.build_environment()  # on a node without it: once, not for each utterance
        return CodecLink(built, seed)
    if attack:
        converter = build_attack(attack)

        def convert(waveforms: NDArray[np.float32], utterance_ids: Sequence[str]) -> NDArray[np.float32]:
            return converter.convert(waveforms, utterance_ids, seed)

        return convert
    return None
