"""Owns the conditions that set the spoofs of some generators against the recordings that belong to these generators.

    system              one generator
    qua, aux, dec       those whose codec has one place in the taxonomy of CodecFake+ (Table V of its paper)

CodecFake+ has recordings for each of its generators, and a generator is tested against its own. A recording that
belongs to no generator of the evaluation is a trial of every condition.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from grid.corpus.codec_tags import place_of

Mask: TypeAlias = NDArray[np.bool_]
Words: TypeAlias = NDArray[np.object_]


def masks_of_systems(
    split: Literal["system", "qua", "aux", "dec"],
    bonafide: Mask,
    spoof: Mask,
    codec: Words,
    attack: Words,
    system: Words,
) -> Iterator[tuple[str, Mask, Mask]]:
    """The value, the bona fide and the spoof trials (trials,) of each condition that has trials of both classes."""
    value = attack if split == "system" else np.array([_category(name, split) for name in codec], dtype=object)
    generators = list(set(attack[spoof]) - {""})
    for chosen in sorted(set(value[spoof]) - {""}):
        spoofs = spoof & (value == chosen)
        recordings = bonafide & (np.isin(system, list(set(system[spoofs]))) | ~np.isin(system, generators))
        if recordings.any():
            yield str(chosen), recordings, spoofs


def _category(codec: str, axis: Literal["qua", "aux", "dec"]) -> str:
    """The word of the taxonomy for a codec; "" for a codec without a place there."""
    place = place_of(codec) if codec else None
    return "" if place is None else str(getattr(place, axis))
