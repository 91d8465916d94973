"""Tests of rendering with Ray Data on a real Ray: failures stay where they are, and workers change no byte."""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cluster.stages.events import RenderProgress
from cluster.stages.resynthesis import render_all
from grid.codecs.catalogue import load_catalogue
from grid.config.experiment import Resources
from grid.core.record import read_record
from grid.corpus.imported import stored_corpus
from grid.resynthesis.rendition import Rendition
from tests.support.faulty_codecs import VICTIM, install_faulty_codecs
from tests.support.own_cors import CODEC, OWN, add_cors, own_tiny
from tests.support.places import REPOSITORY
from tests.support.tiny_grid import Tiny, tiny, write_corpus

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.fixture(scope="module", autouse=True)
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The faulty codecs, known to this process as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(install_faulty_codecs(tmp_path_factory.mktemp("site")))
        importlib.invalidate_caches()
        load_catalogue.cache_clear()
        yield
    load_catalogue.cache_clear()


@dataclass
class Rendered:
    """A tiny grid after `render_all`: its errors by codec, and what was told on the way."""

    made: Tiny
    errors: dict[str, str]
    told: list[RenderProgress]

    @property
    def renditions(self) -> dict[str, Rendition]:
        return {rendition.chain.name: rendition for rendition in self.made.grid.renditions}

    def folder(self, name: str) -> Path:
        return Path(self.made.store.uri(self.renditions[name].folder))


def render(made: Tiny) -> Rendered:
    """Renders with one worker for each codec: a second would import everything once more."""
    told: list[RenderProgress] = []
    corpus = stored_corpus(made.store, "tiny") or made.corpus()
    grid = made.grid
    errors = render_all(
        made.store,
        grid.renditions,
        {corpus.facts.name: corpus},
        resources=Resources(codec_workers=1),
        max_failed_share=0.2,
        progress=told.append,
    )
    names = {rendition.folder: rendition.chain.name for rendition in grid.renditions}
    return Rendered(made, {names[folder]: error for folder, error in errors.items()}, told)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.parquet")}


@pytest.fixture(scope="module")
def rendered(ray_local: None, plugin: None, tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """Two codecs that work, one of them not for every utterance, and one that cannot be built."""
    selections = ["mu-law", "one-fails", "unbuildable"]
    return render(tiny(tmp_path_factory.mktemp("tiny"), grid={"selections": selections}))


def test_render_all_with_a_codec_that_cannot_be_built_makes_the_others(rendered: Rendered) -> None:
    assert list(rendered.errors) == ["unbuildable"]
    assert "has no weights on this machine" in rendered.errors["unbuildable"]
    done = {
        name: read_record(rendered.made.store, rendition.folder) is not None
        for name, rendition in rendered.renditions.items()
    }
    assert done == {"raw": True, "mu-law": True, "one-fails": True, "unbuildable": False}


def test_render_all_with_an_utterance_that_fails_keeps_a_row_of_why(rendered: Rendered) -> None:
    folder = rendered.folder("one-fails")
    assert pq.read_table(folder / "failures.parquet").to_pylist() == [
        {"utterance_id": f"{VICTIM}~one-fails", "origin": VICTIM, "error": "RuntimeError: this utterance is too much"}
    ]
    origins = pq.read_table(folder / "manifest.parquet")["origin"].to_pylist()
    assert len(origins) == 11  # of two recordings of two speakers in three splits
    assert VICTIM not in origins
    last = [progress for progress in rendered.told if progress.link == "one-fails"][-1]
    assert (last.shards_done, last.failed) == (last.shards, 1)


def test_render_all_with_a_codec_that_kills_its_workers_comes_to_an_end(
    ray_local: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster.runtime.worker_python.WORKER_RETRIES", 1)
    after = render(tiny(tmp_path, grid={"selections": ["kills-worker"], "policies": ["spoof"]}))
    assert list(after.errors) == ["kills-worker"]
    assert "its worker process ended 4 times without a result; " in after.errors["kills-worker"]
    assert read_record(after.made.store, after.renditions["raw"].folder) is not None


RENDERER = """
import sys
from pathlib import Path

from grid.core.store import Store
from tests.support.tiny_grid import Tiny, plan_render, render

made = Tiny(Path(sys.argv[1]), Store.open(sys.argv[2]))
corpora = made.corpora()
(rendition,) = (r for r in made.grid.renditions if r.chain.name == sys.argv[3])
with made.store.lock(f"{rendition.folder}/lock", timeout=0):
    print("held", flush=True)
    if sys.stdin.readline() == "render\\n":
        render(made.store, rendition, plan_render(made.store, rendition, corpora["tiny"]))
"""


@pytest.mark.parametrize("last_word", ["render\n", ""])
def test_render_all_waits_for_what_another_run_renders_and_makes_it_only_if_that_ends_without_it(
    ray_local: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, last_word: str
) -> None:
    monkeypatch.setattr("cluster.stages.resynthesis.HELD_POLL", 0.05)
    made = tiny(tmp_path, grid={"selections": ["mu-law"], "policies": ["spoof"]})
    made.corpora()
    arguments = [sys.executable, "-c", RENDERER, str(made.config), made.store.root, "raw"]
    other = subprocess.Popen(arguments, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdin is not None
    try:
        assert other.stdout.readline() == "held\n"
        with ThreadPoolExecutor(1) as pool:
            rendering = pool.submit(render, made)
            while "is rendered by another run; this one waits for it" not in caplog.text:
                time.sleep(0.02)
            other.communicate(last_word, timeout=60)
            after = rendering.result(timeout=60)
    finally:
        other.kill()
        other.wait()
    assert after.errors == {}
    assert {name: read_record(made.store, r.folder) is not None for name, r in after.renditions.items()} == {
        "raw": True,
        "mu-law": True,
    }
    links = {progress.link for progress in after.told}
    assert links == ({"mu-law"} if last_word else {"raw", "mu-law"})


def test_render_all_gives_the_bytes_of_a_rendering_without_ray(rendered: Rendered, tmp_path: Path) -> None:
    alone = tiny(tmp_path, grid={"selections": ["mu-law"]})
    for rendition in alone.rendered().renditions:
        expected = files(Path(alone.store.uri(rendition.folder)))
        assert len(expected) > 3
        assert files(rendered.folder(rendition.chain.name)) == expected


def test_render_all_shards_are_read_by_ray_data(rendered: Rendered) -> None:
    import ray.data

    shards = sorted(map(str, rendered.folder("raw").glob("shard-*.parquet")))
    assert len(shards) > 1
    assert ray.data.read_parquet(shards).count() == 24


def test_render_all_again_makes_only_what_is_missing(rendered: Rendered) -> None:
    folder = rendered.folder("mu-law")
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.glob("shard-*")}
    lost = folder / "shard-00001.parquet"
    lost.unlink()
    (folder / "record.json").unlink()
    again = render(rendered.made)
    assert list(again.errors) == ["unbuildable"]
    assert {progress.link: progress.shards for progress in again.told} == {"mu-law": 1, "unbuildable": 4}
    assert lost.read_bytes() == before[lost.name][1]
    untouched = {name: seen[0] for name, seen in before.items() if name != lost.name}
    assert {path.name: path.stat().st_mtime_ns for path in folder.glob("shard-*") if path != lost} == untouched


def test_render_all_with_a_parent_that_fails_fails_its_children_only_by_word(ray_local: None, tmp_path: Path) -> None:
    made = tiny(tmp_path, grid={"selections": ["mu-law"]})
    made.corpus()
    for path in (tmp_path / "corpus").glob("train-*.wav"):
        path.write_bytes(b"")
    broken = render(made)
    assert set(broken.errors) == {"raw", "mu-law"}
    assert "8 of 24 utterances failed, more than 20.0% (max_failed_share)" in broken.errors["raw"]
    assert broken.errors["mu-law"] == f"its parent failed: {broken.errors['raw']}"
    assert {progress.link for progress in broken.told} == {"raw"}


def test_render_all_copies_own_cors_and_makes_others_in_one_pool(ray_local: None, tmp_path: Path) -> None:
    second = {"name": "second", "reader": "csv", "path": "second/protocol.csv"}
    grids = []
    for name in ("pool", "alone"):
        made = own_tiny(tmp_path / name, corpora=[*OWN, second], grid={"selections": [CODEC], "policies": ["spoof"]})
        write_corpus(tmp_path / name / "second", speakers=3)
        add_cors(tmp_path / name / "corpus" / "protocol.csv", coded=("test",), pending=())
        grids.append(made)
    pool, alone = grids
    told: list[RenderProgress] = []
    for _ in range(2):
        errors = render_all(
            pool.store,
            pool.grid.renditions,
            pool.corpora(),
            resources=Resources(),  # a worker for each CPU
            max_failed_share=0.0,
            progress=told.append,
        )
        assert errors == {}
    assert {progress.link: progress.shards for progress in told} == {"raw": 8, CODEC: 8}
    for rendition in alone.rendered().renditions:
        assert files(Path(pool.store.uri(rendition.folder))) == files(Path(alone.store.uri(rendition.folder)))
