"""Corpora with their own CoRS: it is copied, pending rows are coded, the rest is made; a cell trains on all of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from grid.core.errors import RequestError
from grid.core.record import read_record
from grid.core.store import Store
from grid.corpus.manifest import read_manifest
from grid.experiment.grid import Grid
from grid.measuring.measure import measure_cell
from grid.resynthesis.plan import RenderJob, plan_render, shards_to_do
from grid.resynthesis.processor import build_processor
from grid.resynthesis.render import ShardRenderer, finish_render
from grid.resynthesis.rendition import RAW, Chain, Rendition
from grid.resynthesis.rendition_audio import RenditionAudio
from grid.run_cell import run_cell
from grid.training.training_set import Source
from tests.support.own_cors import CODEC, OTHER, OWN, add_cors, own_tiny, pcm, read_rows, write_rows
from tests.support.tiny_grid import Tiny, render, tiny

MADE = [{**OWN[0], "cors": "made"}]


class Listening:
    """The codec of a job, which notes what it is given."""

    def __init__(self, job: RenderJob, failing: str = "") -> None:
        self.codec = build_processor(*job.last_link, job.seed)
        self.failing = failing
        self.heard: list[str] = []

    def __call__(self, waveforms: NDArray[np.float32], utterance_ids: Sequence[str]) -> NDArray[np.float32]:
        if self.failing in utterance_ids:
            raise RuntimeError("this one is too much")
        self.heard += utterance_ids
        assert self.codec is not None
        return self.codec(waveforms, utterance_ids)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, Grid]:
    """A corpus whose CoRS are its own in train, pending in dev and absent in test."""
    made = own_tiny(tmp_path_factory.mktemp("own"), grid={"selections": [CODEC, OTHER], "policies": ["spoof"]})
    return made, made.rendered()


@pytest.fixture
def started(tmp_path: Path) -> tuple[Store, Rendition, RenderJob]:
    """The job of CODEC, with the recordings rendered."""
    made = own_tiny(tmp_path)
    corpus, grid = made.corpus(), made.grid
    raw, coded = (grid.rendition(grid.corpora[0], chain) for chain in (RAW, Chain(codec=CODEC)))
    render(made.store, raw, plan_render(made.store, raw, corpus))
    return made.store, coded, plan_render(made.store, coded, corpus)


def of_chain(grid: Grid, chain: Chain) -> Rendition:
    return grid.rendition(grid.corpora[0], chain)


def table(store: Store, rendition: Rendition) -> pd.DataFrame:
    return read_manifest(store.local(f"{rendition.folder}/manifest.parquet")).to_pandas().set_index("utterance_id")


def recordings(split: str) -> set[str]:
    return {f"{split}-s{speaker}-u{number}" for speaker in range(2) for number in range(2)}


# --- what is rendered


def test_recordings_are_without_the_cors_of_the_corpus(rendered: tuple[Tiny, Grid]) -> None:
    made, grid = rendered
    raw = table(made.store, of_chain(grid, RAW))
    assert set(raw["codec"]) == {""}
    assert set(raw.index[raw["key"] == "bonafide"]) == {*recordings("train"), *recordings("dev"), *recordings("test")}
    assert (raw["key"] == "spoof").sum() == 12


def test_own_cors_are_copied_with_their_ids_keys_and_samples(rendered: tuple[Tiny, Grid]) -> None:
    made, grid = rendered
    found = table(made.store, of_chain(grid, Chain(codec=CODEC)))
    train = found[found["split"] == "train"]
    assert set(train.index) == {f"{name}_published" for name in recordings("train")}
    assert set(train["origin"]) == recordings("train")
    assert set(train["key"]) == {"spoof"}
    for name, row in train.iterrows():
        file = made.config.parent / "corpus" / f"{row['origin']}-published.wav"
        assert row["sha256"] == hashlib.sha256(pcm(file)).hexdigest(), name


def test_pending_and_missing_cors_are_what_the_codec_makes_of_the_recordings(
    rendered: tuple[Tiny, Grid], tmp_path: Path
) -> None:
    made, grid = rendered
    found = table(made.store, of_chain(grid, Chain(codec=CODEC)))
    plain = tiny(tmp_path, grid={"selections": [CODEC], "policies": ["spoof"]})
    expected = table(plain.store, of_chain(plain.rendered(), Chain(codec=CODEC)))
    for split in ("dev", "test"):
        ours, theirs = (each[each["split"] == split].sort_index() for each in (found, expected))
        assert set(ours.index) == {f"{name}~{CODEC}" for name in recordings(split)}
        columns = ["speaker", "key", "attack", "codec", "origin", "samples", "sha256"]
        assert ours[columns].equals(theirs[columns])


def test_a_codec_that_no_row_names_is_made_in_every_split(rendered: tuple[Tiny, Grid]) -> None:
    made, grid = rendered
    found = table(made.store, of_chain(grid, Chain(codec=OTHER)))
    assert set(found.index) == {f"{name}~{OTHER}" for split in ("train", "dev", "test") for name in recordings(split)}


def test_made_leaves_the_cors_of_the_corpus_out(tmp_path: Path) -> None:
    made = own_tiny(tmp_path, corpora=MADE, grid={"selections": [CODEC], "policies": ["spoof"]})
    found = table(made.store, of_chain(made.rendered(), Chain(codec=CODEC)))
    assert set(found.index) == {f"{name}~{CODEC}" for split in ("train", "dev", "test") for name in recordings(split)}


def test_cors_of_a_recording_are_found_by_its_origin_wherever_they_come_from(rendered: tuple[Tiny, Grid]) -> None:
    made, grid = rendered
    for split in ("train", "dev", "test"):
        audio = RenditionAudio(made.store, of_chain(grid, Chain(codec=CODEC)).folder, split)
        source = Source(audio.table)
        assert set(source.row_of_origin) == recordings(split)
        assert {audio.ids[row].split("~")[0].removesuffix("_published") for row in source.row_of_origin.values()} == (
            recordings(split)
        )


# --- how it is rendered


def test_the_codec_hears_recordings_alone_and_equal_lengths_together(
    started: tuple[Store, Rendition, RenderJob],
) -> None:
    store, rendition, job = started
    codec = Listening(job)
    renderer = ShardRenderer(job, codec)
    results = [renderer.render(shard) for shard in shards_to_do(store, job)]
    assert sorted(codec.heard) == sorted(recordings("dev") | recordings("test"))
    assert sum(result.utterances for result in results) == 12
    assert finish_render(store, rendition, job, 0.0).results["failed"] == 0


def test_a_pending_row_that_fails_is_counted_and_the_copied_rows_stay(
    started: tuple[Store, Rendition, RenderJob],
) -> None:
    store, rendition, job = started
    renderer = ShardRenderer(job, Listening(job, failing="dev-s0-u0"))
    for shard in shards_to_do(store, job):
        renderer.render(shard)
    with pytest.raises(RequestError, match=r"1 of 12 utterances failed.*dev-s0-u0: RuntimeError: this one is too much"):
        finish_render(store, rendition, job, 0.0)
    render(store, rendition, job)
    assert len(table(store, rendition)) == 12


def test_rendering_again_makes_only_what_is_missing_and_the_same_bytes(
    started: tuple[Store, Rendition, RenderJob], tmp_path: Path
) -> None:
    store, rendition, job = started
    first = render(store, rendition, job)
    store.remove(f"{job.folder}/record.json")
    store.remove(f"{job.folder}/shard-00001.parquet")
    assert shards_to_do(store, job) == [1]
    assert render(store, rendition, job).outputs == first.outputs
    again = own_tiny(tmp_path / "again")
    again.rendered()
    elsewhere = read_record(again.store, rendition.folder)
    assert elsewhere is not None
    assert elsewhere.outputs == first.outputs


def test_cors_that_are_all_own_need_no_codec(tmp_path: Path) -> None:
    """A codec whose weights are not in the package: the speech that others made with it is used all the same."""
    absent = "encodec-24khz-6kbps"
    made = own_tiny(tmp_path, grid={"selections": [absent], "policies": ["spoof"]})
    protocol = tmp_path / "corpus" / "protocol.csv"
    rows = [row for row in read_rows(protocol) if not row["codec"]]
    write_rows(protocol, rows)
    add_cors(protocol, coded=("train", "dev", "test"), pending=())
    write_rows(protocol, [row | {"codec": absent if row["codec"] else ""} for row in read_rows(protocol)])
    grid = made.rendered()
    rendition = of_chain(grid, Chain(codec=absent))
    assert not rendition.applied
    assert plan_render(made.store, rendition, made.corpus()).last_link == ("", "", "")
    assert set(table(made.store, rendition)["codec"]) == {absent}
    assert len(table(made.store, rendition)) == 12


def test_two_rows_pending_for_one_recording_are_refused_before_anything_is_rendered(tmp_path: Path) -> None:
    made = own_tiny(tmp_path)
    protocol = tmp_path / "corpus" / "protocol.csv"
    rows = read_rows(protocol)
    pending = next(row for row in rows if row["pending"])
    write_rows(protocol, [*rows, pending | {"utterance_id": "again"}])
    corpus, grid = made.corpus(), made.grid
    raw, coded = of_chain(grid, RAW), of_chain(grid, Chain(codec=CODEC))
    render(made.store, raw, plan_render(made.store, raw, corpus))
    with pytest.raises(RequestError, match=rf"1 ids of its CoRS of {CODEC} would come more than once, such as 'dev-s0"):
        plan_render(made.store, coded, corpus)


# --- training on it


@pytest.mark.slow
@pytest.mark.parametrize("mixing", ["append", "replace"])
def test_a_cell_trains_on_own_pending_and_made_cors_and_is_measured_on_them(tmp_path: Path, mixing: str) -> None:
    torch.set_num_threads(1)
    made = own_tiny(
        tmp_path,
        grid={"selections": [CODEC], "policies": [{"label": "spoof", "mixing": mixing}]},
        recipe={"epochs": 1},
        evaluations={"cors": {"bonafide": "raw", "spoof": "cors", "by": "codec"}},
    )
    grid = made.rendered()
    (job,) = grid.cells
    assert run_cell(made.store, job, grid.experiment, gpu=False)
    found = measure_cell(made.store, job, grid.experiment)
    assert [(m.condition, m.n_bonafide, m.n_spoof) for m in found] == [("pooled", 4, 4), (f"codec={CODEC}", 4, 4)]
