"""The packed copy of a corpus's recordings in the store: their files as they are, in tar parts of an hour of audio.

    corpora/NAME-DIGEST/packed/part-00000.tar       the files, in the order of their lengths
    corpora/NAME-DIGEST/packed/part-00000.parquet   where each file lies in it, written after it
    corpora/NAME-DIGEST/packed/index.parquet        the same of all parts
    corpora/NAME-DIGEST/packed/record.json          written last, with the SHA-256 of each part

A root with packed corpora is self-contained: codecs of more than 16 kHz, a corpus's own CoRS and MOS predictors read
the same bytes from it as from the corpus in place. Packing again goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import io
import logging
import tarfile
from bisect import bisect_left
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from grid.core.errors import RequestError
from grid.core.identity import file_digest
from grid.core.record import Record, finish, local_output, read_record
from grid.core.store import Store
from grid.corpus.audio import ChangedFileError

PART_SECONDS = 3600.0
"""About 60 MB of FLAC at 16 kHz, 350 MB of WAV at 48 kHz: a killed upload loses at most one part for each thread."""
WORKERS = 4
INDEX, FOLDER, DIGEST = "index.parquet", "packed", "tar_sha256"
INDEX_SCHEMA = pa.schema([("path", pa.string()), ("part", pa.int32()), ("offset", pa.int64()), ("bytes", pa.int64())])

log = logging.getLogger(__name__)
Read = Callable[[str], bytes]
"""The bytes of a file of the corpus, by its path."""


@dataclass(frozen=True)
class PackedFile:
    """Where a file lies: the number of its part, and byte offset and length inside."""

    part: int
    offset: int
    bytes: int


def packed_folder(corpus_folder: str) -> str:
    """The folder of the packed copy, from that of the import."""
    return f"{corpus_folder}/{FOLDER}"


def pack_recordings(
    store: Store, corpus_folder: str, manifest: pa.Table, read: Read, *, say: Callable[[int, int], None]
) -> Record:
    """Packs the files of `manifest`, each once, into the folder of their import; returns the record.

    What is packed already is left. `say` is called with the number of finished parts and of all. Raises
    ChangedFileError for a file that is not as it was imported, and what `read` raises.
    """
    folder = packed_folder(corpus_folder)
    if (record := read_record(store, folder)) is not None:
        return record
    files, parts = _files(manifest)
    there = set(store.names(folder))
    todo = [i for i in range(len(parts)) if not {_tar(i), _index(i)} <= there]
    with ThreadPoolExecutor(WORKERS) as pool:  # reading, hashing and uploading release Python's global lock
        work = pool.map(lambda i: _pack_part(store, folder, i, files.slice(*parts[i]), read), todo)
        for done, _ in enumerate(work, len(parts) - len(todo) + 1):
            say(done, len(parts))
    return _finished(store, folder, corpus_folder, len(parts))


def _files(manifest: pa.Table) -> tuple[pa.Table, list[tuple[int, int]]]:
    """The files by length, each once, with their digests, and the first row and the number of rows of each part."""
    columns = ["path", "sha256", "seconds"]
    files = manifest.select(columns).group_by(["path", "sha256"]).aggregate([("seconds", "max")])
    files = files.sort_by([("seconds_max", "ascending"), ("path", "ascending")]).combine_chunks()
    if pc.count_distinct(files["path"]).as_py() != files.num_rows:
        raise RequestError("a file of the corpus has two digests in its manifest; import the corpus again")
    numbers = (np.cumsum(files["seconds_max"].to_numpy()) // PART_SECONDS).astype(np.int64)
    starts = np.unique(numbers, return_index=True)[1]
    return files, [(int(a), int(b - a)) for a, b in zip(starts, [*starts[1:], files.num_rows], strict=True)]


def _pack_part(store: Store, folder: str, number: int, files: pa.Table, read: Read) -> None:
    rows = []
    with store.writing(f"{folder}/{_tar(number)}") as temporary:
        with tarfile.open(temporary, "w", format=tarfile.GNU_FORMAT) as tar:
            for path, sha256 in _pairs(files):
                content = read(path)
                if hashlib.sha256(content).hexdigest() != sha256:
                    raise ChangedFileError(Path(path))
                rows.append(
                    {"path": path, "part": number, "offset": _append(tar, path, content), "bytes": len(content)}
                )
        digest = file_digest(temporary)
    table = pa.Table.from_pylist(rows, INDEX_SCHEMA).replace_schema_metadata({DIGEST: digest})
    with store.writing(f"{folder}/{_index(number)}") as temporary:
        pq.write_table(table, temporary, compression="zstd")


def _pairs(files: pa.Table) -> Iterator[tuple[str, str]]:
    return zip(files["path"].to_pylist(), files["sha256"].to_pylist(), strict=True)


def _append(tar: tarfile.TarFile, path: str, content: bytes) -> int:
    """Appends a file; returns the offset of its first byte. Equal files give equal bytes: the entry has no time."""
    entry = tarfile.TarInfo(path)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))
    padded = -(-len(content) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
    return tar.offset - padded


def _finished(store: Store, folder: str, corpus_folder: str, parts: int) -> Record:
    tables = [pq.read_table(store.local(f"{folder}/{_index(i)}")) for i in range(parts)]
    digests = {_tar(i): (table.schema.metadata or {})[DIGEST.encode()].decode() for i, table in enumerate(tables)}
    index = pa.concat_tables([table.replace_schema_metadata(None) for table in tables]).sort_by("path")
    with store.writing(f"{folder}/{INDEX}") as temporary:
        pq.write_table(index, temporary, compression="zstd")
    size = pc.sum(index["bytes"]).as_py() or 0
    return finish(
        store,
        folder,
        kind="packed corpus",
        identity={"corpus": corpus_folder},
        outputs=[INDEX, *digests],
        results={"files": index.num_rows, "bytes": size, "parts": parts},
        digests=digests,
    )


class PackedRecordings:
    """The packed files of a corpus by their paths; the parts are copied to this machine when the root is remote."""

    def __init__(self, store: Store, corpus_folder: str, record: Record) -> None:
        """`record` is that of the packed copy; RequestError when its index is damaged."""
        self.store, self.folder = store, packed_folder(corpus_folder)
        index = pq.read_table(local_output(store, self.folder, record, INDEX)).combine_chunks()
        self._paths = index["path"].combine_chunks()
        self._columns = [index[name].to_numpy() for name in ("part", "offset", "bytes")]

    @property
    def uri(self) -> str:
        """The place of the packed copy."""
        return self.store.uri(self.folder)

    def place(self, path: str) -> PackedFile | None:
        """Where the file `path` lies; None where it is not packed."""
        row = bisect_left(range(len(self._paths)), path, key=lambda i: self._paths[i].as_py())
        if row == len(self._paths) or self._paths[row].as_py() != path:
            return None
        return PackedFile(*(int(column[row]) for column in self._columns))

    def content(self, path: str) -> bytes:
        """The bytes of the file, unchecked; FileNotFoundError where it is not packed."""
        place = self.place(path)
        if place is None:
            raise FileNotFoundError(f"{self.uri} does not hold {path!r}")
        with self.store.local(f"{self.folder}/{_tar(place.part)}").open("rb") as stream:
            stream.seek(place.offset)
            return stream.read(place.bytes)

    def forget(self, path: str) -> bool:
        """Deletes this machine's copy of the part that holds `path`; False where it has none of its own."""
        place = self.place(path)
        if place is None or self.store.is_local:
            return False
        self.store.forget(f"{self.folder}/{_tar(place.part)}")
        return True


def _tar(number: int) -> str:
    return f"part-{number:05d}.tar"


def _index(number: int) -> str:
    return f"part-{number:05d}.parquet"
