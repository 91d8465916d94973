"""The audio of a rendition: a damaged row is never heard, and what is damaged is named."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from grid.core.errors import RequestError
from grid.core.store import Store
from grid.resynthesis.plan import plan_render
from grid.resynthesis.rendition import RAW, Chain
from grid.resynthesis.rendition_audio import RenditionAudio
from grid.resynthesis.shards import DamagedShardError
from tests.support.damage import flip_bit, flip_bit_at
from tests.support.tiny_grid import Tiny, render, tiny


def rendered(made: Tiny) -> str:
    """The folder of the recordings, rendered."""
    corpus, grid = made.corpus(), made.grid
    raw = grid.rendition(grid.corpora[0], RAW)
    render(made.store, raw, plan_render(made.store, raw, corpus))
    return raw.folder


@pytest.fixture
def damaged(tmp_path: Path) -> tuple[Tiny, str, RenditionAudio]:
    """The recordings with one flipped bit in the audio of the first test utterance."""
    made = tiny(tmp_path)
    folder = rendered(made)
    audio = RenditionAudio(made.store, folder, "test")
    flip_first(made.store, audio)
    return made, folder, RenditionAudio(made.store, folder, "test")


def flip_first(store: Store, audio: RenditionAudio) -> None:
    row = audio.table.slice(0, 1).to_pylist()[0]
    flip_bit_at(store, f"{audio.folder}/{row['path']}", row["offset"] + row["samples"])


def test_a_flipped_bit_is_an_error_with_shard_utterance_and_command(damaged: tuple[Tiny, str, RenditionAudio]) -> None:
    made, folder, audio = damaged
    shard = audio.table["path"][0].as_py()
    message = (
        rf"{folder}/{shard}: the shard is damaged: .* utterance '{audio.ids[0]}' .*"
        rf"`codecgrid verify --root {made.store.root} --repair`"
    )
    for _ in range(2):  # a row that was not whole once is never taken for whole
        with pytest.raises(DamagedShardError, match=message):
            audio.waveform(0)
    for row in range(1, len(audio)):
        assert np.isfinite(audio.waveform(row)).all()


def test_a_damaged_parent_fails_the_shard_and_not_the_utterance(damaged: tuple[Tiny, str, RenditionAudio]) -> None:
    made, _, _ = damaged
    grid = made.grid
    coded = grid.rendition(grid.corpora[0], Chain(codec="mu-law"))
    job = plan_render(made.store, coded, made.corpus())
    with pytest.raises(DamagedShardError, match="codecgrid verify"):
        render(made.store, coded, job, max_failed_share=1.0)


def test_a_digest_is_compared_once_in_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tiny(tmp_path)
    audio = RenditionAudio(made.store, rendered(made), "test")
    hashed: list[int] = []

    def counted(content: memoryview) -> object:
        hashed.append(len(content))
        return hashlib.sha256(content)

    monkeypatch.setattr("grid.resynthesis.shards.hashlib", type("Counted", (), {"sha256": staticmethod(counted)}))
    for _ in range(3):
        for row in range(len(audio)):
            audio.waveform(row)
    assert len(hashed) == len(audio)


def test_a_damaged_or_missing_manifest_is_an_error_with_the_command(tmp_path: Path) -> None:
    made = tiny(tmp_path)
    folder = rendered(made)
    flip_bit(made.store, f"{folder}/manifest.parquet", 0.3)
    with pytest.raises(RequestError, match=r"manifest\.parquet changed after it was written .*codecgrid verify"):
        RenditionAudio(made.store, folder, "test")
    made.store.remove(f"{folder}/manifest.parquet")
    with pytest.raises(RequestError, match=r"manifest\.parquet is missing; delete .*codecgrid verify"):
        RenditionAudio(made.store, folder, "test")


def test_a_damaged_copy_of_a_remote_file_is_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODECGRID_CACHE", str(tmp_path / "cache"))
    local = tiny(tmp_path)
    made = Tiny(local.config, Store.open(f"memory://{tmp_path.name}-audio"))
    folder = rendered(made)
    first = RenditionAudio(made.store, folder, "test")
    before = [first.waveform(row) for row in range(len(first))]
    copies = Store.open(made.store.local(folder + "/manifest.parquet").parent)
    row = first.table.slice(0, 1).to_pylist()[0]
    flip_bit(copies, "manifest.parquet", 0.3)
    flip_bit_at(copies, row["path"], row["offset"] + row["samples"])
    again = RenditionAudio(made.store, folder, "test")
    for number, expected in enumerate(before):
        assert np.array_equal(again.waveform(number), expected)
    flip_first(made.store, first)  # now what is stored is damaged as well
    with pytest.raises(DamagedShardError):
        RenditionAudio(made.store, folder, "test").waveform(0)
