"""The last link of a chain as a function on batches: a codec, an attack, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid.attacks import build_attack
from grid.codecs.catalogue import build, load_catalogue, require_accepted
from grid.codecs.contract import Codec
from grid.codecs.isolation.adapter import IsolatedAdapter
from grid.resynthesis.render import Processor


@dataclass(frozen=True)
class CodecLink:
    """A codec as the last link; see `grid.resynthesis.render.GroupProcessor`."""

    codec: Codec
    seed: int

    @property
    def group(self) -> int:
        """How many items of any lengths go through together; 1: those of one length."""
        return self.codec.adapter.group

    def __call__(self, waveforms: NDArray[np.float32], utterance_ids: Sequence[str]) -> NDArray[np.float32]:
        """See `grid.resynthesis.render.Processor`."""
        return self.codec.resynthesise(waveforms, utterance_ids, self.seed)

    def each(self, waveforms: Sequence[NDArray[np.float32]], utterance_ids: Sequence[str]) -> list[NDArray[np.float32]]:
        """See `grid.resynthesis.render.GroupProcessor`."""
        return self.codec.resynthesise_each(waveforms, utterance_ids, self.seed)


def build_processor(attack: str, codec: str, seed: int, device: str = "cpu") -> Processor | None:
    """What turns the parent's audio into this rendition's; None for the recordings themselves."""
    if codec:
        built = build(codec, device=device)
        if isinstance(built.adapter, IsolatedAdapter):
            built.adapter.build_environment()  # on a node that has not got it: once, not for each utterance
        return CodecLink(built, seed)
    if attack:
        converter = build_attack(attack)

        def convert(waveforms: NDArray[np.float32], utterance_ids: Sequence[str]) -> NDArray[np.float32]:
            return converter.convert(waveforms, utterance_ids, seed)

        return convert
    return None


def fetch_requirements(codecs: Sequence[str], accepted_licences: Sequence[str] = ()) -> None:
    """Makes sure that every codec can run here: builds its environment, fetches weights where there is a network.

    Raises RequestError for a licence that has to be accepted and was not, and MissingRequirementError that names what
    is missing and where to put it, before anything was started.
    """
    catalogue = load_catalogue()
    require_accepted([catalogue.get(name) for name in codecs], accepted_licences)
    adapters = {name: build(name).adapter for name in codecs}
    for adapter in adapters.values():
        if isinstance(adapter, IsolatedAdapter):
            adapter.build_environment()
    for name, adapter in adapters.items():
        for weight in catalogue.get(name).weights:
            adapter.weights.find(weight)
