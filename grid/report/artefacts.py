"""Owns what a report needs of a comparison of codec artefacts: the similarity of each pair, and one example."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ArtefactPair:
    """Two codecs, and the mean similarity of their residuals over the utterances; NaN where there is none."""

    codec_a: str
    codec_b: str
    ssim: float
    pearson: float


@dataclass(frozen=True)
class ArtefactResults:
    """All pairs of `codecs`, compared on `utterances` utterances.

    `example` is the name of one of these, `residuals` float (bins, frames) in dB of each codec on it.
    """

    utterances: int
    codecs: tuple[str, ...]
    pairs: tuple[ArtefactPair, ...]
    example: str = ""
    residuals: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def pair(self, one: str, other: str) -> ArtefactPair:
        """The pair of two codecs, in whichever order; KeyError if it was not compared."""
        for found in self.pairs:
            if {found.codec_a, found.codec_b} == {one, other}:
                return found
        raise KeyError((one, other))
