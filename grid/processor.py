"""The last link of a chain as a function on batches: a codec, an attack, or nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from grid.attacks.contract import build_attack
from grid.codecs.catalogue import build, load_catalogue
from grid.render import Processor


def build_processor(attack: str, codec: str, seed: int, device: str = "cpu") -> Processor | None:
    """What turns the parent's audio into this rendition's; None for the recordings themselves."""
    if codec:
        built = build(codec, device=device)

        def code(waveforms: NDArray[np.float32], utterance_ids: Sequence[str]) -> NDArray[np.float32]:
            return built.resynthesise(waveforms, utterance_ids, seed)

        return code
    if attack:
        converter = build_attack(attack)

        def convert(waveforms: NDArray[np.float32], utterance_ids: Sequence[str]) -> NDArray[np.float32]:
            return converter.convert(waveforms, utterance_ids, seed)

        return convert
    return None


def fetch_requirements(codecs: Sequence[str]) -> None:
    """Makes sure that every codec can run here, fetching weights where there is a network.

    Raises MissingRequirementError that names what is missing and where to put it, before anything was started.
    """
    catalogue = load_catalogue()
    for name in codecs:
        finder = build(name).adapter.weights
        for weight in catalogue.get(name).weights:
            finder.find(weight)
