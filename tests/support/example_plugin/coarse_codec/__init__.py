"""A codec of another package: uniform quantisation to a few bits, at the rates that its catalogue entries give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from grid.codecs.contract import ADAPTERS, Adapter, Samples


def _entry(bits: int) -> dict[str, object]:
    """A catalogue entry; `grid.codecs.entry.CatalogueEntry` documents every field."""
    return {
        "name": f"coarse-{bits}bit",
        "family": "Coarse",
        "group": "transmission",  # in the taxonomy of neural codecs it would have `qua`, `aux` and `dec` instead
        "design": "compression",
        "native_rate": 16_000,
        "bitrate_kbps": 16.0 * bits,
        "source": "pip",
        "package": "coarse-codec",
        "imports": ["coarse_codec"],
        "adapter": "coarse",
        "arguments": {"bits": bits},
        "verified": "real codec, no weights",
    }


CATALOGUE = [_entry(bits) for bits in (3, 6)]


@ADAPTERS.register("coarse")
class CoarseAdapter(Adapter):
    """Rounds samples to the middles of `2 ** bits` equal steps from -1 to 1."""

    revision: ClassVar[int] = 1
    """Raised by hand when the samples change: everything made with the codec then gets another identity."""

    def code(self, waveforms: Samples, seeds: Sequence[int]) -> Samples:
        """`(batch, samples)`, float32 at `sample_rate`, coded and decoded to the same shape."""
        half = 2 ** (int(self.entry.arguments["bits"]) - 1)
        steps = np.clip(np.floor(waveforms * half), -half, half - 1)
        return ((steps + 0.5) / half).astype(np.float32)
