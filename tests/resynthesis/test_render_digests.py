"""Digests of a rendition: workers hash the audio they write; the driver joins tables and reads no audio."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from grid.core import record
from grid.core.record import Record, check_outputs, output_digest
from grid.core.store import Store
from grid.resynthesis.plan import RenderJob, plan_render
from grid.resynthesis.render import finish_render
from grid.resynthesis.rendition import RAW, Rendition
from tests.support.tiny_grid import Tiny, render, tiny


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that finishing a step reads in order to hash them."""
    names: list[str] = []

    def watched(store: Store, path: str) -> str:
        names.append(Path(path).name)
        return output_digest(store, path)

    monkeypatch.setattr(record, "output_digest", watched)
    return names


def _finished(made: Tiny) -> tuple[Rendition, RenderJob, Record]:
    """The recordings' rendition."""
    corpus, grid = made.corpus(), made.grid
    raw = grid.rendition(grid.corpora[0], RAW)
    job = plan_render(made.store, raw, corpus)
    return raw, job, render(made.store, raw, job)


def _shards(names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if name.startswith("shard-"))


def test_finish_render_records_the_digests_that_workers_made(tmp_path: Path, hashed: list[str]) -> None:
    made = tiny(tmp_path)
    raw, _, done = _finished(made)
    assert _shards(hashed) == []
    assert len(_shards(done.outputs)) == 4
    check_outputs(made.store, raw.folder, done)


def test_finish_render_without_digests_in_the_rows_hashes_the_audio(tmp_path: Path, hashed: list[str]) -> None:
    made = tiny(tmp_path)
    raw, job, before = _finished(made)
    for rows in Path(made.store.uri(raw.folder)).glob("rows-*.parquet"):
        table = pq.read_table(rows)
        pq.write_table(table.replace_schema_metadata({"failures": table.schema.metadata[b"failures"]}), rows)
    after = finish_render(made.store, raw, job, 0.0)
    assert _shards(hashed) == _shards(after.outputs)
    assert after.outputs == before.outputs
