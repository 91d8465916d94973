"""Rendering: fixed shards, batches, failures as rows, resuming, and tables that other programs can read."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from numpy.typing import NDArray

from grid.core.errors import RequestError
from grid.core.record import check_outputs, read_record
from grid.core.store import Store
from grid.corpus.imported import StoredCorpus
from grid.corpus.manifest import MANIFEST_SCHEMA, read_manifest
from grid.experiment.grid import Grid
from grid.resynthesis.plan import RenderJob, input_rows, plan_render, shard_bounds, shards_to_do
from grid.resynthesis.render import BATCH_SECONDS, ShardRenderer, finish_render, neighbour_batches
from grid.resynthesis.rendition import RAW, Chain, Rendition
from tests.support.tiny_grid import Tiny, render, tiny

Batch = NDArray[np.float32]
WORLD = [{"name": "world", "through": "nothing"}, {"name": "world", "through": "selection"}]
SAMPLE_RATE = 16_000


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, Grid]:
    """A corpus through an attack, a codec, and both."""
    made = tiny(
        tmp_path_factory.mktemp("rendered"),
        attacks=WORLD,
        grid={"selections": ["opus-6kbps"]},
        evaluations={"all": {"bonafide": ["raw", "cors"], "spoof": ["attack", "cosg"]}},
    )
    return made, made.rendered()


@pytest.fixture
def started(tmp_path: Path) -> tuple[Store, Rendition, RenderJob]:
    """A job for mu-law whose parent is rendered, in at least four shards."""
    made = tiny(tmp_path, grid={"selections": ["mu-law"], "policies": ["spoof"]})
    corpus, grid = made.corpus(), made.grid
    raw, coded = (grid.rendition(grid.corpora[0], chain) for chain in (RAW, Chain("", "mu-law")))
    render(made.store, raw, plan_render(made.store, raw, corpus))
    return made.store, coded, plan_render(made.store, coded, corpus)


class Failing:
    """A codec that fails whenever its batch holds one of `bad`, and halves the others."""

    def __init__(self, *bad: str) -> None:
        self.bad = bad
        self.calls: list[int] = []

    def __call__(self, waveforms: Batch, utterance_ids: Sequence[str]) -> Batch:
        self.calls.append(len(utterance_ids))
        for name in utterance_ids:
            if name in self.bad:
                raise RuntimeError(f"cannot code {name}")
        return waveforms * np.float32(0.5)


def manifest(store: Store, rendition: Rendition) -> pa.Table:
    return read_manifest(store.local(f"{rendition.folder}/manifest.parquet"))


def table(store: Store, rendition: Rendition) -> pd.DataFrame:
    return manifest(store, rendition).to_pandas().set_index("utterance_id")


def of_chain(grid: Grid, chain: Chain) -> Rendition:
    return grid.rendition(grid.corpora[0], chain)


# --- shards and batches


def test_shard_bounds_cover_every_row_once_and_hold_about_the_seconds_asked() -> None:
    samples = np.sort(np.random.default_rng(0).integers(1, 20, 5000)).astype(np.int64) * SAMPLE_RATE
    bounds = shard_bounds(samples, shard_seconds=600)
    assert bounds[0][0] == 0
    assert bounds[-1][1] == len(samples)
    assert all(before[1] == after[0] for before, after in pairwise(bounds))
    seconds = [samples[a:b].sum() / SAMPLE_RATE for a, b in bounds]
    assert max(seconds) <= 600 + 2 * 20
    assert len(bounds) == -(-int(samples.sum()) // (600 * SAMPLE_RATE))


@pytest.mark.parametrize(("count", "shards"), [(0, 0), (1, 1), (3, 3), (4, 4), (100, 4)])
def test_shard_bounds_of_a_small_corpus_keep_several_workers_busy(count: int, shards: int) -> None:
    assert len(shard_bounds(np.full(count, SAMPLE_RATE, np.int64))) == shards


@pytest.mark.parametrize("longest", ["first", "last"])
def test_shard_bounds_of_one_very_long_utterance_lose_nothing(longest: str) -> None:
    samples = np.ones(20, np.int64) * SAMPLE_RATE
    samples[0 if longest == "first" else -1] = 10_000 * SAMPLE_RATE
    rows = [row for a, b in shard_bounds(samples) for row in range(a, b)]
    assert rows == list(range(20))


@pytest.mark.slow
def test_plan_depends_on_the_manifest_alone(rendered: tuple[Tiny, Grid]) -> None:
    made, grid = rendered
    rendition = of_chain(grid, Chain("", "opus-6kbps"))
    corpus = made.corpus()
    plans = {plan_render(made.store, rendition, corpus) for _ in range(2)}
    assert len(plans) == 1


def test_shards_to_do_begin_with_the_longest(started: tuple[Store, Rendition, RenderJob]) -> None:
    store, _, job = started
    lengths = input_rows(store, job)["samples"].to_numpy()
    samples = [int(lengths[start:stop].sum()) for start, stop in job.shards]
    assert len(set(samples)) > 1
    assert [samples[shard] for shard in shards_to_do(store, job)] == sorted(samples, reverse=True)


def input_rows_of(lengths: list[int]) -> list[dict[str, object]]:
    """Rows at 16 kHz of these lengths, of which the first is copied."""
    return [
        {"samples": n, "input_samples": n, "input_rate": SAMPLE_RATE, "number": i, "is_processed": i > 0}
        for i, n in enumerate(lengths)
    ]


def test_batches_hold_one_length_in_order_copied_or_processed_and_at_most_so_many_seconds() -> None:
    lengths = [800] * 3 + [1600] * 5 + [20 * SAMPLE_RATE] * 7
    rows = input_rows_of(lengths)
    batches = list(neighbour_batches(rows))
    assert [row for batch in batches for row in batch] == rows
    assert [len(batch) for batch in batches] == [1, 2, 5, 3, 3, 1]
    most = int(BATCH_SECONDS * SAMPLE_RATE)
    assert all(len(b) * int(str(b[0]["samples"])) <= most and len({r["samples"] for r in b}) == 1 for b in batches)


def test_batches_of_a_group_hold_any_lengths_in_order_and_at_most_so_many_items_and_seconds() -> None:
    lengths = [800, 801, 802, 900, 900, 5 * SAMPLE_RATE, 20 * SAMPLE_RATE, 25 * SAMPLE_RATE, 70 * SAMPLE_RATE]
    rows = input_rows_of(lengths)
    batches = list(neighbour_batches(rows, group=4))
    assert [row["number"] for batch in batches for row in batch] == list(range(9))
    assert [len(batch) for batch in batches] == [1, 4, 2, 1, 1]
    most = int(BATCH_SECONDS * SAMPLE_RATE)
    assert all(len(b) * max(int(str(r["samples"])) for r in b) <= most for b in batches if len(b) > 1)


# --- what is rendered


def test_manifest_has_the_contract_columns_in_order_and_sorted_rows(rendered: tuple[Tiny, Grid]) -> None:
    made, grid = rendered
    for rendition in grid.renditions:
        found = manifest(made.store, rendition)
        assert found.column_names == [*MANIFEST_SCHEMA.names, "offset"]
        names = found["utterance_id"].to_pylist()
        assert names == sorted(names)


def test_recordings_keep_their_rows_and_their_attacks(rendered: tuple[Tiny, Grid]) -> None:
    made, grid = rendered
    raw = table(made.store, of_chain(grid, RAW))
    assert len(raw) == 24
    assert dict(raw["key"].value_counts()) == {"bonafide": 12, "spoof": 12}
    assert set(raw.loc[raw["key"] == "spoof", "attack"]) == {"buzz"}
    assert raw.loc["dev-s1-u0-buzz", "origin"] == "dev-s1-u0"


@pytest.mark.parametrize(
    ("chain", "key", "attack", "codec"),
    [
        (Chain("", "opus-6kbps"), "bonafide", "", "opus-6kbps"),
        (Chain("world", ""), "spoof", "world", ""),
        (Chain("world", "opus-6kbps"), "spoof", "world", "opus-6kbps"),
    ],
)
def test_links_are_made_of_the_recordings_with_their_origin_and_length(
    rendered: tuple[Tiny, Grid], chain: Chain, key: str, attack: str, codec: str
) -> None:
    made, grid = rendered
    raw, found = table(made.store, of_chain(grid, RAW)), table(made.store, of_chain(grid, chain))
    recordings = raw[raw["key"] == "bonafide"]
    assert sorted(found["origin"]) == sorted(recordings.index)
    assert {(k, a, c) for k, a, c in zip(found["key"], found["attack"], found["codec"], strict=True)} == {
        (key, attack, codec)
    }
    same = recordings.loc[found["origin"]]
    for column in ("speaker", "split", "source", "samples"):
        assert found[column].tolist() == same[column].tolist()
    assert [name.split("~", 1)[0] for name in found.index] == found["origin"].tolist()
    assert all(name.endswith(f"~{chain.name}") for name in found.index)
    assert found["seconds"].tolist() == pytest.approx((found["samples"] / SAMPLE_RATE).tolist())


def test_shards_are_read_by_pandas_and_soundfile(rendered: tuple[Tiny, Grid]) -> None:
    made, grid = rendered
    rendition = of_chain(grid, Chain("", "opus-6kbps"))
    manifest = table(made.store, rendition)
    seen = 0
    for name in [name for name in made.store.names(rendition.folder) if name.startswith("shard-")]:
        shard = pd.read_parquet(made.store.uri(f"{rendition.folder}/{name}"))
        for utterance_id, audio in zip(shard["utterance_id"], shard["audio"], strict=True):
            samples, rate = soundfile.read(io.BytesIO(audio["bytes"]), dtype="int16")
            expected = manifest.loc[utterance_id]
            assert (rate, len(samples), name) == (SAMPLE_RATE, expected["samples"], expected["path"])
            assert hashlib.sha256(samples.tobytes()).hexdigest() == expected["sha256"]
            seen += 1
    assert seen == len(manifest) == 12


def test_recordings_are_the_files_bit_for_bit(rendered: tuple[Tiny, Grid]) -> None:
    made, grid = rendered
    raw = table(made.store, of_chain(grid, RAW))
    file, _ = soundfile.read(made.config.parent / "corpus" / "test-s0-u1.wav", dtype="int16")
    assert raw.loc["test-s0-u1", "sha256"] == hashlib.sha256(file.tobytes()).hexdigest()


@pytest.mark.slow
def test_rendering_twice_gives_the_same_bytes(rendered: tuple[Tiny, Grid], tmp_path: Path) -> None:
    made, grid = rendered
    again = Tiny(made.config, Store.open(tmp_path / "again"))
    again.rendered()
    for rendition in grid.renditions:
        records = [read_record(store, rendition.folder) for store in (made.store, again.store)]
        assert records[0] is not None
        assert records[1] is not None
        assert records[0].outputs == records[1].outputs
        check_outputs(again.store, rendition.folder, records[1])


# --- failures and resuming


def test_an_utterance_that_fails_becomes_a_row_and_the_others_stay(
    started: tuple[Store, Rendition, RenderJob],
) -> None:
    store, rendition, job = started
    renderer = ShardRenderer(job, Failing("train-s0-u0"))
    results = [renderer.render(shard) for shard in shards_to_do(store, job)]
    assert (sum(r.utterances for r in results), sum(r.failed for r in results)) == (11, 1)
    record = finish_render(store, rendition, job, max_failed_share=0.1)
    failures = pq.read_table(store.uri(f"{job.folder}/failures.parquet")).to_pylist()
    assert [(f["origin"], f["error"]) for f in failures] == [("train-s0-u0", "RuntimeError: cannot code train-s0-u0")]
    assert "train-s0-u0~mu-law" not in table(store, rendition).index
    assert len(table(store, rendition)) == 11
    assert (record.results["utterances"], record.results["failed"]) == (11, 1)


def test_a_failing_batch_is_tried_again_one_by_one(started: tuple[Store, Rendition, RenderJob]) -> None:
    _, _, job = started
    codec = Failing("train-s0-u0")
    everything = replace(job, shards=((0, job.shards[-1][1]),))
    result = ShardRenderer(everything, codec).render(0)
    assert (result.utterances, result.failed) == (11, 1)
    assert max(codec.calls) > 1
    assert codec.calls.count(1) >= 2


class FailingGroup(Failing):
    """The same, for items of any lengths."""

    group = 5

    def each(self, waveforms: Sequence[Batch], utterance_ids: Sequence[str]) -> list[Batch]:
        """Fails if any does."""
        if {*utterance_ids} & {*self.bad}:
            raise RuntimeError("cannot code one of them")
        self.calls.append(len(utterance_ids))
        return [row * np.float32(0.5) for row in waveforms]


def test_items_of_different_lengths_go_through_together_where_that_pays_with_the_same_result(
    started: tuple[Store, Rendition, RenderJob],
) -> None:
    store, _, job = started
    everything = replace(job, shards=((0, job.shards[-1][1]),))
    shas = []
    for codec in (Failing("train-s0-u0"), FailingGroup("train-s0-u0"), FailingGroup()):
        result = ShardRenderer(everything, codec).render(0)
        rows = pq.read_table(store.uri(f"{job.folder}/rows-00000.parquet")).to_pylist()
        shas.append({row["origin"]: row["sha256"] for row in rows})
        assert result.failed == len(codec.bad)
    assert codec.calls == [5, 5, 2]
    assert shas[0] == shas[1]
    assert shas[0].items() < shas[2].items()


def test_values_that_are_not_finite_are_a_failure(started: tuple[Store, Rendition, RenderJob]) -> None:
    _, _, job = started

    def broken(waveforms: Batch, utterance_ids: Sequence[str]) -> Batch:
        return np.where(np.array([n == "dev-s0-u0" for n in utterance_ids])[:, None], np.nan, waveforms)

    renderer = ShardRenderer(job, broken)
    assert sum(renderer.render(shard).failed for shard in range(len(job.shards))) == 1


def test_too_many_failures_are_an_error_and_tried_again_on_the_next_run(
    started: tuple[Store, Rendition, RenderJob],
) -> None:
    store, rendition, job = started
    shards = shards_to_do(store, job)
    renderer = ShardRenderer(job, Failing("train-s0-u0"))
    for shard in shards:
        renderer.render(shard)
    with pytest.raises(RequestError, match=r"1 of 12 utterances failed, more than 1\.0%.*cannot code train-s0-u0"):
        finish_render(store, rendition, job, max_failed_share=0.01)
    assert read_record(store, rendition.folder) is None
    again = shards_to_do(store, job)
    assert len(again) == 1
    repaired = ShardRenderer(job, Failing())
    assert [repaired.render(shard).failed for shard in again] == [0]
    assert finish_render(store, rendition, job, max_failed_share=0.01).results["utterances"] == 12


def test_resuming_renders_only_the_missing_shards(started: tuple[Store, Rendition, RenderJob]) -> None:
    store, rendition, job = started
    first = render(store, rendition, job)
    store.remove(f"{job.folder}/record.json")
    store.remove(f"{job.folder}/shard-00001.parquet")
    store.remove(f"{job.folder}/rows-00002.parquet")
    assert sorted(shards_to_do(store, job)) == [1, 2]
    untouched = Path(store.uri(f"{job.folder}/shard-00000.parquet")).stat().st_mtime_ns
    assert render(store, rendition, job).outputs == first.outputs
    assert Path(store.uri(f"{job.folder}/shard-00000.parquet")).stat().st_mtime_ns == untouched


def test_a_file_that_changed_after_its_import_fails_and_names_itself(tmp_path: Path) -> None:
    made = tiny(tmp_path)
    corpus, grid = made.corpus(), made.grid
    file = tmp_path / "corpus" / "dev-s0-u0.wav"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1  # of the same length
    file.write_bytes(content)
    rendition = of_chain(grid, RAW)
    changed = (
        r"dev-s0-u0: ChangedFileError: \S*dev-s0-u0\.wav has changed since it was imported: import the corpus again"
    )
    with pytest.raises(
        RequestError, match=rf"1 of 24 utterances failed.*{changed} \(codecgrid import KIND PATH --name"
    ):
        render(made.store, rendition, plan_render(made.store, rendition, corpus))


def test_everything_works_on_an_object_store_also_after_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODECGRID_CACHE", str(tmp_path / "cache"))
    local = tiny(tmp_path, grid={"selections": ["mu-law"], "policies": ["spoof"]})
    made = Tiny(local.config, Store.open(f"memory://{tmp_path.name}"))
    corpus: StoredCorpus = made.corpus()
    grid = made.grid
    raw, coded = of_chain(grid, RAW), of_chain(grid, Chain("", "mu-law"))
    render(made.store, raw, plan_render(made.store, raw, corpus))
    job = plan_render(made.store, coded, corpus)
    broken = ShardRenderer(job, Failing("train-s0-u0"))
    for shard in shards_to_do(made.store, job):
        broken.render(shard)
    with pytest.raises(RequestError, match="1 of 12 utterances failed"):
        finish_render(made.store, coded, job, max_failed_share=0.0)
    remote = render(made.store, coded, job)
    local.rendered()
    # the shards that were not tried again hold what `Failing` made of them; the one that was holds mu-law
    assert remote.results["failed"] == 0
    assert remote.results["utterances"] == len(table(local.store, coded)) == 12
