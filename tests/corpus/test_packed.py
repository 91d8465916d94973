"""Packed corpora: a root whose recordings travel gives the same renditions, byte for byte, as the corpus in place."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest

from grid.core.errors import RequestError
from grid.core.store import Store
from grid.corpus import packed
from grid.corpus.audio import ChangedFileError
from grid.corpus.imported import StoredCorpus, open_stored, pack_corpus
from grid.corpus.packed import packed_folder
from grid.corpus.recordings import Recordings, unreadable
from grid.resynthesis.plan import plan_render
from grid.verification.damage import Reading
from grid.verification.verify import damages, remove
from tests.support.damage import flip_bit, flip_bit_at
from tests.support.own_cors import own_tiny
from tests.support.s3_server import S3Server
from tests.support.tiny_grid import Tiny, render, tiny


@pytest.fixture
def made(tmp_path: Path) -> Tiny:
    return tiny(tmp_path, grid={"selections": ["mu-law"], "policies": ["spoof"]})


def hide(made: Tiny) -> None:
    """Takes the recordings away, as from a worker on another machine."""
    (made.config.parent / "corpus").rename(made.config.parent / "elsewhere")


def shards(made: Tiny, corpus: StoredCorpus) -> dict[str, bytes]:
    """The audio shards of all renditions, by their paths."""
    for rendition in made.grid.renditions:
        render(made.store, rendition, plan_render(made.store, rendition, corpus))
    root = Path(made.store.root)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("shard-*.parquet")}


@pytest.mark.parametrize("own", [False, True])
def test_renditions_of_a_packed_corpus_are_those_of_the_corpus_in_place(tmp_path: Path, own: bool) -> None:
    made = (own_tiny if own else tiny)(tmp_path, grid={"selections": ["mu-law"], "policies": ["spoof"]})
    corpus = made.corpus()
    in_place = shards(made, corpus)
    shutil.rmtree(made.store.uri("audio"))
    pack_corpus(made.store, "tiny")
    hide(made)
    assert shards(made, corpus) == in_place
    assert len(in_place) == 8


def test_packed_files_are_the_files_in_a_plain_tar(made: Tiny) -> None:
    corpus = made.corpus()
    record = pack_corpus(made.store, "tiny")
    assert record.results["files"] == 24
    with tarfile.open(made.store.uri(f"{packed_folder(corpus.folder)}/part-00000.tar")) as tar:
        for entry in tar:
            content = tar.extractfile(entry)
            assert content is not None
            assert content.read() == (made.config.parent / "corpus" / entry.name).read_bytes()


def test_packing_goes_on_where_it_stopped(made: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "PART_SECONDS", 2.0)
    monkeypatch.setattr(packed, "WORKERS", 1)
    corpus = made.corpus()
    broken = made.config.parent / "corpus" / "test-s1-u1.wav"
    content = broken.read_bytes()
    broken.unlink()
    with pytest.raises(RequestError, match=r"test-s1-u1\.wav: missing"):
        pack_corpus(made.store, "tiny")
    folder = Path(made.store.uri(packed_folder(corpus.folder)))
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.tar")}
    assert before
    assert not (folder / "record.json").exists()
    broken.write_bytes(content)
    told: list[tuple[int, int]] = []
    pack_corpus(made.store, "tiny", say=lambda done, of: told.append((done, of)))
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert told[-1] == (told[-1][1], told[-1][1]) == (len(list(folder.glob("*.tar"))),) * 2
    assert len(told) == told[-1][1] - len(before)


def test_packing_a_file_that_changed_is_refused(made: Tiny) -> None:
    made.corpus()
    flip_bit(Store.open(made.config.parent / "corpus"), "test-s1-u1.wav", 0.5)
    with pytest.raises(ChangedFileError, match=r"test-s1-u1\.wav has changed since it was imported"):
        pack_corpus(made.store, "tiny")


def test_a_corpus_of_another_machine_is_unreadable_until_it_is_packed(made: Tiny) -> None:
    corpus = made.corpus()
    arguments = (made.store, corpus.folder, corpus.audio_root)
    assert unreadable(*arguments) == ""
    hide(made)
    assert unreadable(*arguments).endswith("missing: no such file")
    (made.config.parent / "elsewhere").rename(made.config.parent / "corpus")
    pack_corpus(made.store, "tiny")
    hide(made)
    assert unreadable(*arguments) == ""


def test_verify_finds_a_damaged_part_and_packing_again_mends_it(made: Tiny) -> None:
    corpus = made.corpus()
    pack_corpus(made.store, "tiny")
    part = f"{packed_folder(corpus.folder)}/part-00000.tar"
    whole = Path(made.store.uri(part)).read_bytes()
    flip_bit(made.store, part, 0.5)
    found = list(damages(Reading(made.store)))
    assert [damage.path for damage in found] == [part]
    remove(made.store, found)
    pack_corpus(made.store, "tiny")
    assert Path(made.store.uri(part)).read_bytes() == whole
    assert list(damages(Reading(made.store))) == []


def test_packed_recordings_in_a_bucket_are_read_through_this_machine_s_copy(made: Tiny, s3: S3Server) -> None:
    remote = Tiny(made.config, s3.store())
    corpus = remote.corpus()
    pack_corpus(remote.store, "tiny")
    hide(made)
    manifest = open_stored(remote.store, corpus).table
    path, sha256 = manifest["path"][0].as_py(), manifest["sha256"][0].as_py()
    recordings = Recordings(remote.store, corpus.folder, corpus.audio_root)
    samples = recordings.read(path, sha256).samples
    assert recordings.packed is not None
    place = recordings.packed.place(path)
    assert place is not None
    copy = remote.store.cache_path(f"{packed_folder(corpus.folder)}/part-00000.tar")
    flip_bit_at(Store.open(copy.parent), copy.name, place.offset + place.bytes // 2)
    assert np.array_equal(Recordings(remote.store, corpus.folder, "").read(path, sha256).samples, samples)
