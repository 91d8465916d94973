"""The waveforms of the utterances of a rendition, read from memory-mapped shards, for training and scoring."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from grid.core.errors import RequestError
from grid.core.record import local_output, read_record
from grid.core.store import Store
from grid.resynthesis.shards import DamagedShardError, ShardReader, StoredUtterance

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
    "sha256",
]


class StoredShards:
    """The audio shards in one folder of a store, copied to this machine first when the root is remote."""

    def __init__(self, store: Store, folder: str) -> None:
        self.store, self.folder = store, folder
        self._reader: ShardReader | None = None
        self._local: set[str] = set()

    def waveform(self, utterance: StoredUtterance, *, verify: bool = True) -> NDArray[np.float32]:
        """The samples of an utterance, float32 `(samples,)` at 16 kHz; see `ShardReader.waveform`.

        Raises DamagedShardError with the command that mends the rendition.
        """
        try:
            try:
                return self._waveform(utterance, verify)
            except DamagedShardError:
                if self.store.is_local or self._reader is None:
                    raise
                self._forget(utterance.file)  # only the copy of this machine may be damaged
                return self._waveform(utterance, verify)
        except DamagedShardError as error:
            raise DamagedShardError(
                f"{error}. `codecgrid verify --root {self.store.root} --repair` deletes the damaged part of "
                f"{self.folder}; the experiment, run again, renders it anew"
            ) from error

    def _waveform(self, utterance: StoredUtterance, verify: bool) -> NDArray[np.float32]:
        file = utterance.file
        if self._reader is None or file not in self._local:
            if not self.store.exists(f"{self.folder}/{file}"):
                raise DamagedShardError(f"{self.store.uri(self.folder)}/{file}: there is no such shard")
            folder = self.store.local(f"{self.folder}/{file}").parent
            self._reader = self._reader or ShardReader(folder)
            self._local.add(file)
        return self._reader.waveform(utterance, verify=verify)

    def _forget(self, file: str) -> None:
        assert self._reader is not None
        self.store.forget(f"{self.folder}/{file}")
        self._local.discard(file)
        self._reader.forget(file)


class RenditionAudio:
    """The utterances of one split of a finished rendition, in the manifest's order."""

    def __init__(self, store: Store, folder: str, split: str) -> None:
        """Raises RequestError when the rendition is not finished, or its manifest is damaged."""
        record = read_record(store, folder)
        if record is None:
            raise RequestError(f"{store.uri(folder)} is not finished; run the experiment again")
        table = pq.read_table(local_output(store, folder, record, "manifest.parquet"), columns=COLUMNS)
        self.table: pa.Table = table.filter(pc.equal(table["split"], split)).combine_chunks()
        self.folder = folder
        self._shards = StoredShards(store, folder)
        self._files = self.table["path"].dictionary_encode().combine_chunks()
        self._file_numbers = self._files.indices.to_numpy()
        self._names: list[str] = self._files.dictionary.to_pylist()
        self._offsets = self.table["offset"].to_numpy()
        self._samples = self.table["samples"].to_numpy()
        self._digests = self.table["sha256"]
        self._verified = np.zeros(len(self.table), np.bool_)
        self.ids: list[str] = self.table["utterance_id"].to_pylist()

    def __len__(self) -> int:
        return len(self.ids)

    def waveform(self, row: int) -> NDArray[np.float32]:
        """The whole utterance in row number `row`, float32 `(samples,)` at 16 kHz.

        Its digest is compared when it is read for the first time. Raises DamagedShardError, a RequestError.
        """
        # The SHA-256 of 3 s takes 67 us on one core of an AMD EPYC (1.5 GB/s, hashlib with SHA instructions): 0.24 % of
        # the first epoch of lfcc-lcnn-small on the CPU (28 ms an utterance), nothing of the later ones. Hashing whole
        # shards costs the same for each utterance (65 us), and that also for those of other splits.
        utterance = StoredUtterance(
            self._names[self._file_numbers[row]],
            self.ids[row],
            int(self._offsets[row]),
            int(self._samples[row]),
            self._digests[row].as_py(),
        )
        waveform = self._shards.waveform(utterance, verify=not self._verified[row])
        self._verified[row] = True
        return waveform
