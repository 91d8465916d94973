"""The waveforms of the utterances of a rendition, read from memory-mapped shards, for training and scoring."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from grid.core.errors import RequestError
from grid.core.record import RECORD
from grid.core.store import Store
from grid.resynthesis.shards import ShardReader

COLUMNS = [
    "utterance_id",
    "speaker",
    "origin",
    "key",
    "attack",
    "codec",
    "source",
    "split",
    "path",
    "samples",
    "offset",
]


class StoredShards:
    """The audio shards in one folder of a store, copied to this machine first when the root is remote."""

    def __init__(self, store: Store, folder: str) -> None:
        self.store, self.folder = store, folder
        self._reader: ShardReader | None = None
        self._local: set[str] = set()

    def waveform(self, file: str, offset: int, samples: int) -> NDArray[np.float32]:
        """The `samples` from byte `offset` of `file` on, float32 `(samples,)` at 16 kHz; see `ShardReader.waveform`."""
        if self._reader is None or file not in self._local:
            folder = self.store.local(f"{self.folder}/{file}").parent
            self._reader = self._reader or ShardReader(folder)
            self._local.add(file)
        return self._reader.waveform(file, offset, samples)


class RenditionAudio:
    """The utterances of one split of a finished rendition, in the manifest's order."""

    def __init__(self, store: Store, folder: str, split: str) -> None:
        """Raises RequestError when the rendition is not finished."""
        if not store.exists(f"{folder}/{RECORD}"):
            raise RequestError(f"{store.uri(folder)} is not finished; run the experiment again")
        table = pq.read_table(store.local(f"{folder}/manifest.parquet"), columns=COLUMNS)
        self.table: pa.Table = table.filter(pc.equal(table["split"], split)).combine_chunks()
        self.folder = folder
        self._shards = StoredShards(store, folder)
        self._files = self.table["path"].dictionary_encode().combine_chunks()
        self._file_numbers = self._files.indices.to_numpy()
        self._names: list[str] = self._files.dictionary.to_pylist()
        self._offsets = self.table["offset"].to_numpy()
        self._samples = self.table["samples"].to_numpy()
        self.ids: list[str] = self.table["utterance_id"].to_pylist()

    def __len__(self) -> int:
        return len(self.ids)

    def waveform(self, row: int) -> NDArray[np.float32]:
        """The whole utterance in row number `row`, float32 `(samples,)` at 16 kHz."""
        file = self._names[self._file_numbers[row]]
        return self._shards.waveform(file, int(self._offsets[row]), int(self._samples[row]))
