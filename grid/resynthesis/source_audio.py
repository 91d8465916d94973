"""Reads the input audio of a render job: recordings of an imported corpus, or shards of the parent rendition."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grid.core.errors import RequestError
from grid.core.store import Store
from grid.core.vocabulary import SAMPLE_RATE
from grid.corpus.recordings import Recordings
from grid.resynthesis.plan import INPUT_RATE, INPUT_SAMPLES, IS_PROCESSED, IS_STORED, RenderJob
from grid.resynthesis.rendition_audio import StoredShards
from grid.resynthesis.shards import PCM_SCALE, stored_utterance, to_pcm16


class SourceAudio:
    """The audio of the input rows of a job (`grid.resynthesis.plan.input_rows`)."""

    def __init__(self, store: Store, job: RenderJob) -> None:
        self.recordings = Recordings(store, job.corpus, job.audio_root) if job.corpus else None
        self.shards = StoredShards(store, job.parent)

    def waveform(self, row: dict[str, object]) -> NDArray[np.float32]:
        """float32 `(INPUT_SAMPLES,)` at INPUT_RATE.

        Raises UnusableAudioError or ChangedFileError for a file, RequestError for another length than at import, and
        DamagedShardError for a shard.
        """
        if row[IS_STORED]:
            return self.shards.waveform(stored_utterance(row))
        assert self.recordings is not None  # a job with such rows names their corpus
        path, at_own_rate = str(row["path"]), row[INPUT_RATE] != SAMPLE_RATE
        read = self.recordings.read_at_own_rate if at_own_rate else self.recordings.read
        waveform = read(path, str(row["sha256"])).samples
        if len(waveform) != row[INPUT_SAMPLES]:
            raise RequestError(
                f"{self.recordings.name(path)} has {len(waveform)} samples at {row[INPUT_RATE]} Hz, "
                f"{row[INPUT_SAMPLES]} when the same bytes were imported: libsndfile or soxr have changed. Import the "
                "corpus again"
            )
        if at_own_rate or not row[IS_PROCESSED]:
            return waveform
        # rounded to PCM16, so that a codec gets the same samples as from the recordings' rendition
        return to_pcm16(waveform)[0] * np.float32(1 / PCM_SCALE)
