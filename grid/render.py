"""Renders a corpus through a chain: fixed shards, each made whole by one worker, then one manifest."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from grid.corpus.audio import SAMPLE_RATE, UnusableAudioError, read_audio
from grid.corpus.manifest import BONAFIDE, MANIFEST_SCHEMA, SPOOF, read_manifest, write_manifest
from grid.corpus.shards import ShardEntry, ShardReader, write_shard
from grid.errors import RequestError
from grid.identity import file_digest
from grid.record import RECORD, Record, finish
from grid.rendition import RAW, Rendition
from grid.store import Store

SHARD_SECONDS = 600.0
"""About 19 MB of PCM16: large enough that 1,300 hours are 7,800 files, small enough to lose little when killed."""
LEAST_SHARDS = 4
"""So that a small corpus still keeps several workers busy."""
BATCH_SECONDS = 60.0
"""At most so much audio goes through a codec at once."""

FAILURE_SCHEMA = pa.schema([("utterance_id", pa.string()), ("origin", pa.string()), ("error", pa.string())])
ROW_SCHEMA = pa.schema([*MANIFEST_SCHEMA, ("offset", pa.int64())])
FAILURES, AUDIO_DIGEST = "failures", "audio_sha256"
"""What a shard's table of rows carries besides. Hashed by its worker, no audio is read, or fetched, by the driver."""


class Processor(Protocol):
    """The last link of a chain."""

    def __call__(self, waveforms: NDArray[np.float32], utterance_ids: Sequence[str]) -> NDArray[np.float32]:
        """`(batch, samples)` float32 at 16 kHz in, the same shape out; one id for each item."""


@dataclass(frozen=True)
class RenderJob:
    """All a worker needs to make shards of one rendition; small and picklable.

    `source` is the folder of the parent rendition, or of the imported corpus for the recordings themselves, where
    `audio_root` is the folder that the manifest's paths are relative to.
    """

    root: str
    folder: str
    source: str
    audio_root: str
    attack: str
    codec: str
    bonafide_only: bool
    seed: int
    shards: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class ShardResult:
    """What became of one shard."""

    shard: int
    utterances: int
    failed: int
    seconds: float


def shard_bounds(samples: NDArray[np.int64], shard_seconds: float = SHARD_SECONDS) -> tuple[tuple[int, int], ...]:
    """The `(start, stop)` rows of each shard, from utterance lengths `(utterances,)` in samples and in shard order.

    The bounds depend on the lengths alone, never on the number of workers.
    """
    if len(samples) == 0:
        return ()
    ends = np.cumsum(samples)
    total = int(ends[-1])
    count = max(-(-total // int(shard_seconds * SAMPLE_RATE)), min(LEAST_SHARDS, len(samples)))
    targets = (np.arange(1, count) * total) // count
    cuts = np.unique(np.concatenate([[0], np.searchsorted(ends, targets, side="left") + 1, [len(samples)]]))
    cuts = cuts[cuts <= len(samples)]
    return tuple((int(a), int(b)) for a, b in pairwise(cuts))


def source_rows(manifest: pa.Table, *, bonafide_only: bool) -> pa.Table:
    """The rows of a manifest that are rendered, in shard order: by length, so that equal lengths lie side by side."""
    if bonafide_only:
        manifest = manifest.filter(pc.equal(manifest["key"], BONAFIDE))
    return manifest.sort_by([("samples", "ascending"), ("utterance_id", "ascending")])


def plan_render(store: Store, rendition: Rendition, source: str, audio_root: str) -> RenderJob:
    """The job that makes `rendition` from the manifest in the folder `source`. Reads lengths only, never audio.

    A first attack or codec takes only the bona fide recordings: an attack that a corpus brings is not attacked again.
    """
    bonafide_only = rendition.chain.parent == RAW
    rows = source_rows(
        pq.read_table(store.local(f"{source}/manifest.parquet"), columns=["utterance_id", "samples", "key"]),
        bonafide_only=bonafide_only,
    )
    return RenderJob(
        root=store.root,
        folder=rendition.folder,
        source=source,
        audio_root=audio_root,
        attack=rendition.chain.attack,
        codec=rendition.chain.codec,
        bonafide_only=bonafide_only,
        seed=rendition.seed,
        shards=shard_bounds(rows["samples"].to_numpy()),
    )


def shards_to_do(store: Store, job: RenderJob) -> list[int]:
    """The numbers of the shards that are not there yet; a shard's table of rows is written after its audio."""
    there = set(store.names(job.folder))
    return [i for i in range(len(job.shards)) if _rows_name(i) not in there or _audio_name(i) not in there]


class ShardRenderer:
    """Makes shards of one job; holds the open source so that a worker pays for it once."""

    def __init__(self, job: RenderJob, processor: Processor | None) -> None:
        self.job = job
        self.processor = processor
        self.store = Store.open(job.root)
        manifest = pq.read_table(self.store.local(f"{job.source}/manifest.parquet"))
        self.rows = source_rows(manifest, bonafide_only=job.bonafide_only)
        self.reader = SourceAudio(self.store, job)

    def render(self, shard: int) -> ShardResult:
        """Makes shard number `shard`: its audio, then its table of rows. An utterance that fails becomes a row too."""
        start, stop = self.job.shards[shard]
        rows = self.rows.slice(start, stop - start).to_pylist()
        failures: list[dict[str, str]] = []
        audio_path = f"{self.job.folder}/{_audio_name(shard)}"
        entries: list[ShardEntry] = []
        made = self._waveforms(rows, failures)
        first = next(made, None)
        with self.store.writing(audio_path) as temporary:
            if first is not None:
                entries = write_shard(temporary, _chain(first, made))
            digest = file_digest(temporary)
        self._write_rows(shard, rows, entries, {FAILURES: json.dumps(failures), AUDIO_DIGEST: digest})
        seconds = sum(entry.samples for entry in entries) / SAMPLE_RATE
        return ShardResult(shard, len(entries), len(failures), seconds)

    def _waveforms(
        self, rows: list[dict[str, object]], failures: list[dict[str, str]]
    ) -> Iterator[tuple[str, NDArray[np.float32]]]:
        for batch in equal_length_batches(rows):
            read: list[tuple[str, NDArray[np.float32]]] = []
            for row in batch:
                try:
                    read.append((str(row["utterance_id"]), self.reader.waveform(row)))
                except (UnusableAudioError, RequestError) as error:
                    failures.append(self._failure(str(row["utterance_id"]), error))
            yield from self._processed(read, failures)

    def _processed(
        self, items: list[tuple[str, NDArray[np.float32]]], failures: list[dict[str, str]]
    ) -> Iterator[tuple[str, NDArray[np.float32]]]:
        if self.processor is None or not items:
            yield from ((self._new_id(name), waveform) for name, waveform in items)
            return
        names = [name for name, _ in items]
        try:
            made = self.processor(np.stack([waveform for _, waveform in items]), names)
            if not np.isfinite(made).all():
                raise ValueError("the codec gave a value that is not finite")
        except Exception as error:  # a codec may raise anything; the other utterances must not suffer
            if len(items) == 1:
                failures.append(self._failure(names[0], error))
                return
            for item in items:
                yield from self._processed([item], failures)
            return
        yield from zip(map(self._new_id, names), made, strict=True)

    def _new_id(self, origin: str) -> str:
        """`p226_003` -> `p226_003~opus-6kbps`; `p226_003~world` -> `p226_003~world~opus-6kbps`."""
        added = self.job.codec or self.job.attack
        return f"{origin}~{added}" if added else origin

    def _failure(self, name: str, error: Exception) -> dict[str, str]:
        return {"utterance_id": self._new_id(name), "origin": name, "error": f"{type(error).__name__}: {error}"}

    def _write_rows(
        self, shard: int, rows: list[dict[str, object]], entries: list[ShardEntry], metadata: dict[str, str]
    ) -> None:
        by_id = {self._new_id(str(row["utterance_id"])): row for row in rows}
        table = pa.Table.from_pylist(
            [self._row(shard, by_id[entry.utterance_id], entry) for entry in entries], schema=ROW_SCHEMA
        ).replace_schema_metadata(metadata)
        with self.store.writing(f"{self.job.folder}/{_rows_name(shard)}") as temporary:
            pq.write_table(table, temporary, compression="zstd")

    def _row(self, shard: int, row: dict[str, object], entry: ShardEntry) -> dict[str, object]:
        attack, codec = self.job.attack or row["attack"], self.job.codec or row["codec"]
        return {
            **row,
            "utterance_id": entry.utterance_id,
            "key": SPOOF if self.job.attack else row["key"],
            "attack": attack,
            "codec": codec,
            "path": _audio_name(shard),
            "seconds": entry.samples / SAMPLE_RATE,
            "samples": entry.samples,
            "sample_rate": SAMPLE_RATE,
            "channels": 1,
            "sha256": entry.sha256,
            "offset": entry.offset,
        }


class SourceAudio:
    """Reads the utterances a job starts from: files of an imported corpus, or the shards of the parent rendition."""

    def __init__(self, store: Store, job: RenderJob) -> None:
        self.root = Path(job.audio_root) if job.audio_root else None
        self.shards = StoredShards(store, job.source)

    def waveform(self, row: dict[str, object]) -> NDArray[np.float32]:
        """float32 (samples,) at 16 kHz; raises UnusableAudioError, or RequestError when it is not what was imported."""
        if self.root is None:
            return self.shards.waveform(str(row["path"]), int(str(row["offset"])), int(str(row["samples"])))
        waveform = read_audio(self.root / str(row["path"])).samples
        if len(waveform) != row["samples"]:
            raise RequestError(f"{row['path']} has {len(waveform)} samples, {row['samples']} when it was imported")
        return waveform


class StoredShards:
    """The audio shards in one folder of a store, copied to this machine first when the root is remote."""

    def __init__(self, store: Store, folder: str) -> None:
        self.store, self.folder = store, folder
        self._reader: ShardReader | None = None
        self._here: set[str] = set()

    def waveform(self, file: str, offset: int, samples: int) -> NDArray[np.float32]:
        """float32 (samples,) at 16 kHz, as in `ShardReader.waveform`."""
        if self._reader is None or file not in self._here:
            where = self.store.local(f"{self.folder}/{file}").parent
            self._reader = self._reader or ShardReader(where)
            self._here.add(file)
        return self._reader.waveform(file, offset, samples)


def equal_length_batches(rows: list[dict[str, object]]) -> Iterator[list[dict[str, object]]]:
    """Neighbouring rows of equal length, at most BATCH_SECONDS together: padding would change most codecs' output."""
    batch: list[dict[str, object]] = []
    for row in rows:
        samples = int(str(row["samples"]))
        full = (len(batch) + 1) * samples > BATCH_SECONDS * SAMPLE_RATE
        if batch and (batch[0]["samples"] != samples or full):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def finish_render(store: Store, rendition: Rendition, job: RenderJob, max_failed_share: float) -> Record:
    """Joins the shards' rows into the rendition's manifest and marks it as done.

    Raises RequestError, with the first failures, when more than `max_failed_share` of the utterances failed.
    """
    tables = [pq.read_table(store.local(f"{job.folder}/{_rows_name(i)}")) for i in range(len(job.shards))]
    failures = [item for table in tables for item in json.loads(_metadata(table, FAILURES))]
    table = pa.concat_tables([t.replace_schema_metadata(None) for t in tables]) if tables else ROW_SCHEMA.empty_table()
    total = table.num_rows + len(failures)
    with store.writing(f"{job.folder}/failures.parquet") as temporary:
        pq.write_table(pa.Table.from_pylist(failures, schema=FAILURE_SCHEMA), temporary)
    if total and len(failures) > max_failed_share * total:
        for i, part in enumerate(tables):  # so that running again tries them again
            if json.loads(_metadata(part, FAILURES)):
                store.remove(f"{job.folder}/{_rows_name(i)}")
        first = "; ".join(f"{item['origin']}: {item['error']}" for item in failures[:3])
        raise RequestError(
            f"{job.folder}: {len(failures)} of {total} utterances failed, more than {max_failed_share:.1%} "
            f"(max_failed_share): {first}. All are in {store.uri(job.folder)}/failures.parquet"
        )
    with store.writing(f"{job.folder}/manifest.parquet") as temporary:
        write_manifest(temporary, table)
    outputs = ["manifest.parquet", "failures.parquet", *(_audio_name(i) for i in range(len(job.shards)))]
    seconds = float(pc.sum(table["seconds"]).as_py() or 0.0)
    results = {"utterances": table.num_rows, "failed": len(failures), "hours": seconds / 3600}
    return finish(
        store,
        job.folder,
        kind="rendition",
        identity=rendition.identity(),
        outputs=outputs,
        results=results,
        digests={_audio_name(i): _metadata(part, AUDIO_DIGEST) for i, part in enumerate(tables)},
    )


def rendered_manifest(store: Store, rendition: Rendition) -> pa.Table:
    """The manifest of a finished rendition, with the column `offset`."""
    if not store.exists(f"{rendition.folder}/{RECORD}"):
        raise RequestError(f"{store.uri(rendition.folder)} is not finished; run the experiment first")
    return read_manifest(store.local(f"{rendition.folder}/manifest.parquet"))


def _chain(
    first: tuple[str, NDArray[np.float32]], rest: Iterator[tuple[str, NDArray[np.float32]]]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    yield first
    yield from rest


def _metadata(rows: pa.Table, key: str) -> str:
    """An entry of a shard's table of rows, "" where an earlier version wrote none."""
    return (rows.schema.metadata or {}).get(key.encode(), b"").decode()


def _audio_name(shard: int) -> str:
    return f"shard-{shard:05d}.parquet"


def _rows_name(shard: int) -> str:
    return f"rows-{shard:05d}.parquet"
