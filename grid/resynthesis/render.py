"""Renders the shards of a planned rendition, each by one worker, and joins them into its manifest.

The shards are fixed by the plan, so the audio does not depend on the number of workers. An utterance that fails becomes
a row of the failures; the others of its batch are processed one by one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from grid.core.errors import RequestError, one_line
from grid.core.identity import file_digest
from grid.core.record import Record, finish
from grid.core.store import Store
from grid.core.vocabulary import SAMPLE_RATE, SPOOF
from grid.corpus.manifest import MANIFEST_SCHEMA, write_manifest
from grid.resynthesis.plan import (
    INPUT_ID,
    INPUT_RATE,
    INPUT_SAMPLES,
    IS_PROCESSED,
    RENDERED_ID,
    RenderJob,
    audio_name,
    input_rows,
    rows_name,
)
from grid.resynthesis.read_ahead import read_ahead
from grid.resynthesis.rendition import Rendition
from grid.resynthesis.shards import DamagedShardError, ShardEntry, write_shard
from grid.resynthesis.source_audio import SourceAudio

BATCH_SECONDS = 60.0
"""Most audio that goes through a codec at once."""
BATCHES_AHEAD, UTTERANCES_AHEAD = 2, 16
"""How far the reading thread is ahead of the processing thread (batches), and that ahead of the writing one
(utterances). The order of all items is fixed."""
FAILURE_SCHEMA = pa.schema([("utterance_id", pa.string()), ("origin", pa.string()), ("error", pa.string())])
ROW_SCHEMA = pa.schema([*MANIFEST_SCHEMA, ("offset", pa.int64())])
FAILURES_FILE = "failures.parquet"
"""The file of a rendition with the utterances that failed, and why."""
FAILURES, AUDIO_DIGEST = "failures", "audio_sha256"
"""Metadata keys of a shard's table of rows. The worker hashes the audio, so that the driver need not fetch it."""
ManifestRow: TypeAlias = dict[str, object]
FailedUtterance: TypeAlias = dict[str, str]
Item: TypeAlias = tuple[ManifestRow, NDArray[np.float32]]
"""An input row with its audio."""


class Processor(Protocol):
    """The last link of a chain, an attack, a codec or a control, as a function on batches."""

    def __call__(self, waveforms: NDArray[np.float32], utterance_ids: Sequence[str]) -> NDArray[np.float32]:
        """`waveforms` `(batch, samples)`, float32 at 16 kHz, processed to the same shape; one id for each item."""


@runtime_checkable
class GroupProcessor(Processor, Protocol):
    """A processor that can process items of different lengths together, equal to one by one up to rounding."""

    @property
    def group(self) -> int:
        """Number of items that are processed together; 1 where only items of equal length are."""

    def each(self, waveforms: Sequence[NDArray[np.float32]], utterance_ids: Sequence[str]) -> list[NDArray[np.float32]]:
        """Each item `(samples,)`, float32 at 16 kHz, processed to the same shape; one id for each item."""


@runtime_checkable
class NativeProcessor(Processor, Protocol):
    """A processor that also takes items at other rates than 16 kHz; what it gives is at 16 kHz."""

    def from_rate(
        self, waveforms: Sequence[NDArray[np.float32]], utterance_ids: Sequence[str], rate: int, samples: Sequence[int]
    ) -> list[NDArray[np.float32]]:
        """Items at `rate` Hz, float32, of one length unless the processor takes groups; each to its `samples`."""


@dataclass(frozen=True)
class ShardResult:
    """The outcome of one shard: numbers of rendered and of failed utterances, and seconds of audio."""

    shard: int
    utterances: int
    failed: int
    seconds: float


@dataclass(frozen=True)
class ReadBatch:
    """The utterances of one batch with their audio, and those that could not be read."""

    items: list[Item] = field(default_factory=list)
    failures: list[FailedUtterance] = field(default_factory=list)


class ShardRenderer:
    """Renders shards of one job; the input rows and the open source are kept from shard to shard."""

    def __init__(self, job: RenderJob, processor: Processor | None) -> None:
        """`processor` is that of `job.last_link`, or None for a job that only copies; ValueError if it does not fit."""
        if job.applied and processor is None:
            raise ValueError(f"{job.folder}: there is audio to process, but no processor")
        if job.native and job.applied and not isinstance(processor, NativeProcessor):
            raise ValueError(f"{job.folder}: its processor takes 16 kHz only, and the recordings have other rates")
        self.job = job
        self.processor = processor
        self.grouped = processor if isinstance(processor, GroupProcessor) and processor.group > 1 else None
        self.store = Store.open(job.root)
        self.rows = input_rows(self.store, job)
        self.reader = SourceAudio(self.store, job)

    def render(self, shard: int) -> ShardResult:
        """Writes shard number `shard`: its audio, then its table of rows, which also has the utterances that failed."""
        start, stop = self.job.shards[shard]
        rows = self.rows.slice(start, stop - start).to_pylist()
        failures: list[FailedUtterance] = []
        audio_path = f"{self.job.folder}/{audio_name(shard)}"
        entries: list[ShardEntry] = []
        with closing(read_ahead(self._waveforms(rows, failures), UTTERANCES_AHEAD)) as waveforms:
            first = next(waveforms, None)
            with self.store.writing(audio_path) as temporary:
                if first is not None:
                    entries = write_shard(temporary, _chain(first, waveforms))
                digest = file_digest(temporary)
        self._write_rows(shard, rows, entries, {FAILURES: json.dumps(failures), AUDIO_DIGEST: digest})
        seconds = sum(entry.samples for entry in entries) / SAMPLE_RATE
        return ShardResult(shard, len(entries), len(failures), seconds)

    def _waveforms(
        self, rows: list[ManifestRow], failures: list[FailedUtterance]
    ) -> Iterator[tuple[str, NDArray[np.float32]]]:
        with closing(read_ahead(self._read(rows), BATCHES_AHEAD)) as batches:
            for batch in batches:
                failures += batch.failures
                yield from self._processed(batch.items, failures)

    def _read(self, rows: list[ManifestRow]) -> Iterator[ReadBatch]:
        for batch in neighbour_batches(rows, self.grouped.group if self.grouped else 1):
            read = ReadBatch()
            for row in batch:
                try:
                    read.items.append((row, self.reader.waveform(row)))
                except DamagedShardError:  # the parent must be mended: its utterances are not to be missing here
                    raise
                except RequestError as error:  # also UnusableAudioError and ChangedFileError
                    read.failures.append(_failure(row, error))
            yield read

    def _processed(
        self, items: list[Item], failures: list[FailedUtterance]
    ) -> Iterator[tuple[str, NDArray[np.float32]]]:
        if not items or not items[0][0][IS_PROCESSED]:
            yield from ((str(row[RENDERED_ID]), waveform) for row, waveform in items)
            return
        try:
            ids = [str(row[INPUT_ID]) for row, _ in items]
            outputs = self._apply(items, ids)
            if not all(np.isfinite(waveform).all() for waveform in outputs):
                raise ValueError("the codec gave a value that is not finite")
        except Exception as error:  # a codec may raise anything; the other utterances are still processed
            if len(items) == 1:
                failures.append(_failure(items[0][0], error))
                return
            for item in items:
                yield from self._processed([item], failures)
            return
        yield from zip((str(row[RENDERED_ID]) for row, _ in items), outputs, strict=True)

    def _apply(self, items: list[Item], ids: list[str]) -> Sequence[NDArray[np.float32]]:
        waveforms, rate = [waveform for _, waveform in items], int(str(items[0][0][INPUT_RATE]))
        if rate != SAMPLE_RATE:
            assert isinstance(self.processor, NativeProcessor)  # checked by __init__
            return self.processor.from_rate(waveforms, ids, rate, [int(str(row["samples"])) for row, _ in items])
        if self.grouped is not None:
            return self.grouped.each(waveforms, ids)
        assert self.processor is not None  # checked by __init__ for a job with audio to process
        return list(self.processor(np.stack(waveforms), ids))

    def _write_rows(
        self, shard: int, rows: list[ManifestRow], entries: list[ShardEntry], metadata: dict[str, str]
    ) -> None:
        by_id = {str(row[RENDERED_ID]): row for row in rows}
        table = pa.Table.from_pylist(
            [self._row(shard, by_id[entry.utterance_id], entry) for entry in entries], schema=ROW_SCHEMA
        ).replace_schema_metadata(metadata)
        with self.store.writing(f"{self.job.folder}/{rows_name(shard)}") as temporary:
            pq.write_table(table, temporary, compression="zstd")

    def _row(self, shard: int, row: ManifestRow, entry: ShardEntry) -> ManifestRow:
        attack, codec = self.job.attack or row["attack"], self.job.codec or row["codec"]
        return {
            **row,
            "utterance_id": entry.utterance_id,
            "key": SPOOF if self.job.attack else row["key"],
            "attack": attack,
            "codec": codec,
            "path": audio_name(shard),
            "seconds": entry.samples / SAMPLE_RATE,
            "samples": entry.samples,
            "sample_rate": SAMPLE_RATE,
            "channels": 1,
            "sha256": entry.sha256,
            "offset": entry.offset,
        }


def neighbour_batches(rows: list[ManifestRow], group: int = 1) -> Iterator[list[ManifestRow]]:
    """Neighbouring rows, all copied or all processed, of one rate and length and at most BATCH_SECONDS together.

    Padding would change the output of most codecs. With a `group` above 1 a batch has rows of one rate, of any lengths,
    and at most that many.
    """
    batch: list[ManifestRow] = []
    for row in rows:
        if batch and not _belongs(row, batch, group):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def finish_render(store: Store, rendition: Rendition, job: RenderJob, max_failed_share: float) -> Record:
    """Joins the rows of the shards into the manifest of the rendition and marks it as done.

    Raises RequestError, with the first failures, when more than `max_failed_share` of the utterances failed.
    """
    tables = [pq.read_table(store.local(f"{job.folder}/{rows_name(i)}")) for i in range(len(job.shards))]
    failures = [item for table in tables for item in json.loads(_metadata(table, FAILURES))]
    table = pa.concat_tables([t.replace_schema_metadata(None) for t in tables]) if tables else ROW_SCHEMA.empty_table()
    total = table.num_rows + len(failures)
    with store.writing(f"{job.folder}/{FAILURES_FILE}") as temporary:
        pq.write_table(pa.Table.from_pylist(failures, schema=FAILURE_SCHEMA), temporary)
    if total and len(failures) > max_failed_share * total:
        for i, part in enumerate(tables):  # so that the next run tries them again
            if json.loads(_metadata(part, FAILURES)):
                store.remove(f"{job.folder}/{rows_name(i)}")
        first = "; ".join(f"{item['origin']}: {item['error']}" for item in failures[:3])
        raise RequestError(
            f"{job.folder}: {len(failures)} of {total} utterances failed, more than {max_failed_share:.1%} "
            f"(max_failed_share): {first}. All are in {store.uri(job.folder)}/{FAILURES_FILE}"
        )
    with store.writing(f"{job.folder}/manifest.parquet") as temporary:
        write_manifest(temporary, table)
    outputs = ["manifest.parquet", FAILURES_FILE, *(audio_name(i) for i in range(len(job.shards)))]
    seconds = float(pc.sum(table["seconds"]).as_py() or 0.0)
    results = {"utterances": table.num_rows, "failed": len(failures), "hours": seconds / 3600}
    return finish(
        store,
        job.folder,
        kind="rendition",
        identity=rendition.identity(),
        outputs=outputs,
        results=results,
        digests={audio_name(i): _metadata(part, AUDIO_DIGEST) for i, part in enumerate(tables)},
    )


def _belongs(row: ManifestRow, batch: list[ManifestRow], group: int) -> bool:
    if (len(batch) + 1) * int(str(row["samples"])) > BATCH_SECONDS * SAMPLE_RATE:
        return False
    if any(row[column] != batch[0][column] for column in (IS_PROCESSED, INPUT_RATE)):
        return False
    return len(batch) < group if group > 1 else row[INPUT_SAMPLES] == batch[0][INPUT_SAMPLES]


def _failure(row: ManifestRow, error: Exception) -> FailedUtterance:
    return {
        "utterance_id": str(row[RENDERED_ID]),
        "origin": str(row[INPUT_ID]),
        "error": one_line(error),
    }


def _chain(
    first: tuple[str, NDArray[np.float32]], rest: Iterator[tuple[str, NDArray[np.float32]]]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    yield first
    yield from rest


def _metadata(rows: pa.Table, key: str) -> str:
    """A value of the metadata of a shard's table of rows, "" where an earlier version did not write it."""
    return (rows.schema.metadata or {}).get(key.encode(), b"").decode()
