"""One audio file through a codec, as an experiment codes its recordings unless it says otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from grid.codecs.contract import Codec


@dataclass(frozen=True)
class FileToCode:
    """A file under a name: `recorded` `(samples,)` at its own `rate` in Hz, `reference` `(samples,)` at 16 kHz."""

    name: str
    recorded: NDArray[np.float32]
    rate: int
    reference: NDArray[np.float32]

    def through(self, codec: Codec, seed: int) -> NDArray[np.float32]:
        """`(samples,)` at 16 kHz; from the file's own rate where this and the codec's are above 16 kHz."""
        from grid.core.vocabulary import SAMPLE_RATE

        if min(self.rate, codec.entry.native_rate) <= SAMPLE_RATE:
            return codec.resynthesise(self.reference[None], [self.name], seed)[0]
        samples = len(self.reference)
        return codec.resynthesise(self.recorded[None], [self.name], seed, rate=self.rate, samples=samples)[0]


def read_file(source: str) -> FileToCode:
    """The file `source` in any format; raises UnusableAudioError."""
    from pathlib import Path

    from grid.corpus.audio import read_at_own_rate, to_16khz

    audio = read_at_own_rate(source)
    reference = to_16khz(audio.samples, audio.sample_rate)
    return FileToCode(Path(source).stem, audio.samples, audio.sample_rate, reference)
