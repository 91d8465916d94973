"""Audio shards: Parquet files that pandas, Ray Data and `datasets` read, and that training memory-maps without parsing.

A row is an utterance: `utterance_id`, and `audio` as Hugging Face stores it, struct<bytes, path>, where `bytes` is a
complete WAV file (44-byte header, PCM16, mono, 16 kHz). Values are stored plain and uncompressed, so the samples of an
utterance are contiguous at a byte offset, which is located and verified when the shard is written.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from grid.core.errors import FailureKind, RequestError
from grid.core.vocabulary import SAMPLE_RATE

PCM_SCALE = 32_768
WAV_HEADER_LENGTH = 44
_PARQUET_MAGIC = b"PAR1"

# readers load a whole row group; both limits bound its size, also when utterances are long
_GROUP_ROWS = 64
_GROUP_BYTES = 32 * 2**20

_FEATURES = {
    "utterance_id": {"dtype": "string", "_type": "Value"},
    "audio": {"sampling_rate": SAMPLE_RATE, "_type": "Audio"},
}
SHARD_SCHEMA = pa.schema(
    [
        pa.field("utterance_id", pa.string()),
        pa.field("audio", pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])),
    ],
    # makes `datasets` decode the column as audio
    metadata={"huggingface": json.dumps({"info": {"features": _FEATURES}}, sort_keys=True)},
)


@dataclass(frozen=True)
class ShardEntry:
    """The place of an utterance in its shard: byte `offset` of its first sample, and the number of PCM16 `samples`.

    `sha256` is the digest of those PCM bytes; `clipped` counts the samples outside the range of PCM16.
    """

    utterance_id: str
    offset: int
    samples: int
    sha256: str
    clipped: int

    def stored_in(self, file: str) -> StoredUtterance:
        """The place of the utterance when the shard has the name `file`."""
        return StoredUtterance(file, self.utterance_id, self.offset, self.samples, self.sha256)


class StoredUtterance(NamedTuple):
    """Where an utterance is stored: `file`, byte `offset`, number of PCM16 `samples`, and SHA-256 of their bytes."""

    file: str
    utterance_id: str
    offset: int
    samples: int
    sha256: str


def stored_utterance(row: Mapping[str, object]) -> StoredUtterance:
    """The place of the utterance of a row of a rendition's manifest."""
    names = (str(row["path"]), str(row["utterance_id"]))
    return StoredUtterance(*names, int(str(row["offset"])), int(str(row["samples"])), str(row["sha256"]))


class DamagedShardError(RequestError):
    """A shard that is missing, cut short, or has other samples than its manifest says."""

    failure_kind: ClassVar[FailureKind] = "data"


def write_shard(path: str | Path, items: Iterable[tuple[str, NDArray[np.float32]]]) -> list[ShardEntry]:
    """Writes pairs (utterance_id, waveform) as one shard and returns their entries in the order of `items`.

    Waveforms are float32 `(samples,)` at 16 kHz. Equal items give equal bytes. Items are consumed one row group at a
    time, so a generator may produce them lazily. The file is not written atomically: use `Store.writing` for that.
    Raises ValueError for no items, a repeated utterance_id, and a waveform that is empty, not one-dimensional or not
    finite.
    """
    entries: list[ShardEntry] = []
    seen: set[str] = set()
    with pq.ParquetWriter(
        path, SHARD_SCHEMA, compression="NONE", use_dictionary=False, write_statistics=False
    ) as writer:
        for group in _groups(items):
            for item in group:
                if item.utterance_id in seen:
                    raise ValueError(f"{path}: utterance {item.utterance_id!r} comes twice")
                seen.add(item.utterance_id)
            writer.write_table(_group_table(group), row_group_size=len(group))
            entries += [ShardEntry(i.utterance_id, -1, i.samples, i.sha256, i.clipped) for i in group]
    if not entries:
        raise ValueError(f"{path}: a shard needs at least one utterance")
    return _located(Path(path), entries)


def wav_header(samples: int) -> bytes:
    """The 44 bytes before `samples` PCM16 values of a mono 16 kHz WAV file (RIFF, fmt and data chunks)."""
    size = 2 * samples
    form = struct.pack("<4sI4s", b"RIFF", WAV_HEADER_LENGTH - 8 + size, b"WAVE")
    encoding = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, SAMPLE_RATE, 2 * SAMPLE_RATE, 2, 16)
    return form + encoding + struct.pack("<4sI", b"data", size)


def to_pcm16(waveform: NDArray[np.float32]) -> tuple[NDArray[np.int16], int]:
    """float32 `(samples,)` as PCM16 `(samples,)`: times 32768, rounded half to even, clipped; and the clipped count."""
    scaled = np.rint(waveform * np.float32(PCM_SCALE))
    clipped = int(np.count_nonzero((scaled < -PCM_SCALE) | (scaled > PCM_SCALE - 1)))
    return np.clip(scaled, -PCM_SCALE, PCM_SCALE - 1).astype("<i2"), clipped


@dataclass
class ShardReader:
    """Random access to the utterances of the shards in `folder`; each file is memory-mapped on first use.

    Picklable, and safe in threads and in forked or spawned processes: the maps are read-only and are not pickled.
    Reading 6 s of audio takes 24 us on one core of an AMD EPYC once its pages are in memory.
    """

    folder: Path
    max_open: int = 256
    _maps: dict[str, NDArray[np.uint8]] = field(default_factory=dict, repr=False, compare=False)

    def waveform(self, utterance: StoredUtterance, *, verify: bool = True) -> NDArray[np.float32]:
        """float32 `(samples,)` at 16 kHz; DamagedShardError for a missing or short shard, or another digest.

        `verify=False` is for an utterance whose digest was compared before in this process.
        """
        file, name, offset, samples, sha256 = utterance
        mapped = self._maps.get(file)
        if mapped is None:
            mapped = self._map(file)
        end = offset + 2 * samples
        if offset < WAV_HEADER_LENGTH or end > mapped.size:
            raise DamagedShardError(
                f"{Path(self.folder, file)}: the file has {mapped.size} bytes, and utterance {name!r} would be in "
                f"bytes {offset} to {end}; it is not the shard its manifest describes"
            )
        content = mapped[offset:end]
        if verify and hashlib.sha256(content.data).hexdigest() != sha256:
            raise DamagedShardError(
                f"{Path(self.folder, file)}: the shard is damaged: the samples of utterance {name!r} do not have the "
                f"SHA-256 of its manifest, {sha256[:12]}..."
            )
        waveform: NDArray[np.float32] = content.view("<i2") * np.float32(1 / PCM_SCALE)
        return waveform

    def forget(self, file: str) -> None:
        """Closes a shard, so that the next use opens the file anew."""
        self._maps.pop(file, None)

    def _map(self, file: str) -> NDArray[np.uint8]:
        path = Path(self.folder, file)
        if not path.is_file():
            raise DamagedShardError(f"{path}: there is no such shard, but its manifest names it")
        size = path.stat().st_size
        mapped = np.asarray(np.memmap(path, np.uint8, "r")) if size else np.empty(0, np.uint8)
        if mapped[-4:].tobytes() != _PARQUET_MAGIC:
            raise DamagedShardError(f"{path}: the shard is cut short ({size} bytes)")
        while len(self._maps) >= self.max_open:
            self._maps.pop(next(iter(self._maps)), None)
        self._maps[file] = mapped
        return mapped

    def __getstate__(self) -> dict[str, object]:
        return {"folder": self.folder, "max_open": self.max_open, "_maps": {}}


@dataclass(frozen=True)
class _Item:
    utterance_id: str
    wav: bytes
    samples: int
    sha256: str
    clipped: int


def _item(utterance_id: str, waveform: NDArray[np.float32]) -> _Item:
    if waveform.ndim != 1 or len(waveform) == 0:
        raise ValueError(f"utterance {utterance_id!r}: shape {waveform.shape}, expected (samples,) with samples > 0")
    if not np.isfinite(waveform).all():
        raise ValueError(f"utterance {utterance_id!r}: the waveform holds NaN or infinite values")
    pcm, clipped = to_pcm16(waveform)
    content = pcm.tobytes()
    return _Item(utterance_id, wav_header(len(pcm)) + content, len(pcm), hashlib.sha256(content).hexdigest(), clipped)


def _groups(items: Iterable[tuple[str, NDArray[np.float32]]]) -> Iterator[list[_Item]]:
    group: list[_Item] = []
    size = 0
    for utterance_id, waveform in items:
        item = _item(utterance_id, waveform)
        group.append(item)
        size += len(item.wav)
        if len(group) == _GROUP_ROWS or size >= _GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _group_table(group: list[_Item]) -> pa.Table:
    audio = [{"bytes": item.wav, "path": f"{item.utterance_id}.wav"} for item in group]
    return pa.Table.from_pydict(
        {"utterance_id": [item.utterance_id for item in group], "audio": audio}, schema=SHARD_SCHEMA
    )


def _located(path: Path, entries: list[ShardEntry]) -> list[ShardEntry]:
    """The entries with their offsets, searched in the written bytes: nothing is assumed about Parquet's pages."""
    located: list[ShardEntry] = []
    position = 0
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for entry in entries:
            position = _find(content, entry, position)
            located.append(ShardEntry(entry.utterance_id, position, entry.samples, entry.sha256, entry.clipped))
            position += 2 * entry.samples
    return located


def _find(content: mmap.mmap, entry: ShardEntry, start: int) -> int:
    """The offset of the first sample of `entry` at or after byte `start`; OSError if it is not contiguous."""
    head = wav_header(entry.samples)
    while (start := content.find(head, start)) >= 0:
        start += WAV_HEADER_LENGTH
        if hashlib.sha256(content[start : start + 2 * entry.samples]).hexdigest() == entry.sha256:
            return start
    raise OSError(f"utterance {entry.utterance_id!r} was written and cannot be read back: a fault of disk or pyarrow")
