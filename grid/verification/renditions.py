"""Checks a rendition: its record and manifest, the audio of its shards, and the tables of rows to join again."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from grid.core.errors import RequestError
from grid.core.record import RECORD, Record, output_digest
from grid.resynthesis.render import AUDIO_DIGEST
from grid.resynthesis.rendition_audio import StoredShards
from grid.resynthesis.shards import DamagedShardError, stored_utterance
from grid.verification.damage import Damage, Reading, problem

MANIFEST, FAILURES = "manifest.parquet", "failures.parquet"
COMMAND = "codecgrid run CONFIG, of an experiment with this rendition"


def check_rendition(reading: Reading, folder: str) -> Iterator[Damage]:
    """The damage of the rendition in `folder`.

    A damaged shard is rendered again alone. Without a whole record and manifest nothing says whether the rest is whole,
    so the rendition is rendered again.
    """
    store = reading.store
    try:
        record = reading.record(folder)
    except RequestError as error:
        yield Damage(folder, problem(error), (folder,), COMMAND)
        return
    if record is None:
        yield from _unfinished(reading, folder)
        return
    for name in (MANIFEST, FAILURES):
        fault = _fault(reading, f"{folder}/{name}", record.outputs.get(name, ""))
        if fault:
            yield Damage(f"{folder}/{name}", fault, (folder,), COMMAND)
            return
    manifest = pq.read_table(store.local(f"{folder}/{MANIFEST}"))
    for shard in sorted(record.outputs.keys() - {MANIFEST, FAILURES}):
        rows = manifest.filter(pc.equal(manifest["path"], shard))
        fault = _shard_fault(reading, folder, record, shard, rows)
        if fault:
            again = (f"{folder}/{RECORD}", f"{folder}/{shard}", f"{folder}/{_rows_of(shard)}")
            yield Damage(f"{folder}/{shard}", fault, again, COMMAND)
        else:
            yield from _table_of_rows(reading, f"{folder}/{_rows_of(shard)}", rows)


def _rows_of(shard: str) -> str:
    return shard.replace("shard-", "rows-")


def _fault(reading: Reading, path: str, expected: str) -> str:
    if not reading.store.exists(path):
        return "is missing"
    return "" if output_digest(reading.store, path) == expected else "its SHA-256 is not the recorded one"


def _shard_fault(reading: Reading, folder: str, record: Record, shard: str, rows: pa.Table) -> str:
    path = f"{folder}/{shard}"
    if not reading.store.exists(path):
        reading.shards += 1
        return "is missing"
    fault = _fault(reading, path, record.outputs[shard]) if reading.reads_shard() else ""
    return fault and f"{fault}{_damaged_utterances(reading, folder, rows)}"


def _damaged_utterances(reading: Reading, folder: str, rows: pa.Table) -> str:
    shards, damaged = StoredShards(reading.store, folder), []
    for row in rows.to_pylist():
        try:
            shards.waveform(stored_utterance(row))
        except DamagedShardError:
            damaged.append(row["utterance_id"])
    return f"; damaged utterances: {len(damaged)}, such as {damaged[0]!r}" if damaged else "; no audio is damaged"


def _table_of_rows(reading: Reading, path: str, rows: pa.Table) -> Iterator[Damage]:
    """The damage of a shard's table of rows, from which the manifest is joined again after another shard is mended."""
    if not reading.store.exists(path):
        return
    try:
        table = pq.read_table(reading.store.local(path))
        whole = _by_id(table.select(rows.column_names)).equals(_by_id(rows))
    except (OSError, ValueError, LookupError):  # what pyarrow raises depends on the bytes
        whole = False
    if not whole:
        yield Damage(path, "does not agree with the manifest", (path,), "none: the rendition is whole without it")


def _by_id(rows: pa.Table) -> pa.Table:
    """The rows in one order, without the metadata of their file."""
    return rows.sort_by("utterance_id").replace_schema_metadata(None)


def _unfinished(reading: Reading, folder: str) -> Iterator[Damage]:
    """The damage of a rendition whose shards are still being made: shards without their digest in their rows."""
    names = set(reading.store.names(folder))
    for rows in sorted(name for name in names if name.startswith("rows-")):
        shard = rows.replace("rows-", "shard-")
        if shard in names and reading.reads_shard():
            try:
                metadata = pq.read_table(reading.store.local(f"{folder}/{rows}")).schema.metadata or {}
                json.loads(metadata[b"failures"])
                fault = _fault(reading, f"{folder}/{shard}", metadata[AUDIO_DIGEST.encode()].decode())
            except (OSError, ValueError, LookupError) as error:
                fault = f"its table of rows cannot be read ({type(error).__name__})"
            if fault:
                yield Damage(f"{folder}/{shard}", fault, (f"{folder}/{rows}", f"{folder}/{shard}"), COMMAND)
