"""Opus, Vorbis, MP3, GSM 06.10 and mu-law through libsndfile, in memory."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from grid.codecs.contract import ADAPTERS, Adapter, Samples, fit_length
from grid.codecs.entry import CatalogueEntry
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder

BLOCK_SAMPLES = 4096


class ClassicalArguments(BaseModel):
    """libsndfile's names: container, encoding, and how hard to compress (0 is the highest bitrate, 1 the lowest)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str
    subtype: str
    compression_level: float | None = None
    bitrate_mode: Literal["CONSTANT", "AVERAGE", "VARIABLE"] | None = None
    delay: int = 0


@ADAPTERS.register("classical")
class ClassicalAdapter(Adapter):
    """Writes each item to a file in memory and reads it back; samples past full scale are clipped, as in a file."""

    revision: ClassVar[int] = 1

    def __init__(self, entry: CatalogueEntry, *, device: str = "cpu", weights: WeightFinder | None = None) -> None:
        super().__init__(entry, device=device, weights=weights)
        try:
            self.arguments = ClassicalArguments.model_validate(entry.arguments)
        except ValidationError as error:
            raise RequestError(f"codec {entry.name}: wrong arguments {entry.arguments}: {error}") from error

    @property
    def delay(self) -> int:
        """Native samples that encoder and decoder prepend and that the container does not record."""
        return self.arguments.delay

    def code(self, waveforms: Samples, seeds: Sequence[int]) -> Samples:
        """Each item through a file and back: `(batch, samples)` to the same shape, less blocks that the codec adds."""
        rows = [fit_length(self._through_file(row)[None], waveforms.shape[1])[0] for row in waveforms]
        return np.stack(rows)

    def _through_file(self, waveform: Samples) -> Samples:
        import soundfile

        stream = io.BytesIO()
        settings = self.arguments.model_dump(include={"format", "subtype", "compression_level", "bitrate_mode"})
        options = {name: value for name, value in settings.items() if value is not None}
        clipped = np.clip(waveform, -1.0, 1.0)
        with soundfile.SoundFile(stream, "w", samplerate=self.sample_rate, channels=1, **options) as file:
            # libsndfile 1.2.2 puts a whole Vorbis write on the stack and crashes on several minutes at once
            for start in range(0, clipped.size, BLOCK_SAMPLES):
                file.write(clipped[start : start + BLOCK_SAMPLES])
        stream.seek(0)
        decoded: Samples = soundfile.read(stream, dtype="float32")[0]
        return decoded
