"""Corpora on buckets: readers see an outline, the import is that of the same corpus on a disk, audio stays there."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from grid.config.experiment import CorpusSource
from grid.core.errors import RequestError
from grid.core.store import Store
from grid.corpus.audio import MISSING, UnusableAudioError
from grid.corpus.imported import StoredCorpus, open_stored, pack_corpus, register_corpus
from grid.corpus.location import content_in_place, outlined
from grid.corpus.recordings import Recordings
from tests.support.command_line import codecgrid
from tests.support.s3_server import BUCKET, S3Server
from tests.support.speechlike import write_tone
from tests.support.tiny_grid import write_corpus, write_experiment


@pytest.fixture
def bucket() -> Iterator[str]:
    """A folder of a file system in memory."""
    uri = f"memory://{uuid.uuid4().hex}"
    yield uri
    fsspec.filesystem("memory").rm(uri, recursive=True)


def upload(folder: Path, uri: str) -> None:
    files, place = fsspec.core.url_to_fs(uri)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        files.put_file(str(path), f"{place}/{path.relative_to(folder).as_posix()}")


def imported(store: Store, reader: str, path: str, **options: str) -> StoredCorpus:
    return register_corpus(store, CorpusSource(name="mine", reader=reader, path=path, options=options), Path())


def table(store: Store, corpus: StoredCorpus) -> pa.Table:
    return open_stored(store, corpus).table


def test_a_csv_protocol_on_a_bucket_gives_the_manifest_of_the_same_on_a_disk(tmp_path: Path, bucket: str) -> None:
    protocol = write_corpus(tmp_path / "corpus")
    upload(protocol.parent, f"{bucket}/corpus")
    store, other = Store.open(tmp_path / "a"), Store.open(tmp_path / "b")
    there, here = imported(store, "csv", f"{bucket}/corpus/protocol.csv"), imported(other, "csv", str(protocol))
    assert there.facts == here.facts
    assert table(store, there).equals(table(other, here))
    assert content_in_place(there.audio_root, "dev-s0-u0.wav") == (protocol.parent / "dev-s0-u0.wav").read_bytes()


def test_a_folder_reader_lists_the_files_of_a_bucket(tmp_path: Path, bucket: str) -> None:
    for name in ("p225/p225_001", "p226/p226_001"):
        write_tone(tmp_path / "vctk" / "wav48" / f"{name}.wav", 1600)
    upload(tmp_path / "vctk", bucket)
    store = Store.open(tmp_path / "results")
    corpus = imported(store, "vctk", bucket)
    assert table(store, corpus)["path"].to_pylist() == ["wav48/p225/p225_001.wav", "wav48/p226/p226_001.wav"]
    assert corpus.audio_root.startswith("memory://")


def test_parquet_with_audio_on_a_bucket_is_extracted_here(tmp_path: Path, bucket: str) -> None:
    content = write_tone(tmp_path / "a.wav", 1600).read_bytes()
    rows = [{"id": "a", "label": "bonafide", "audio": {"bytes": content, "path": "a.wav"}}]
    (tmp_path / "hub" / "data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "hub" / "data" / "train-00000-of-00001.parquet")
    upload(tmp_path / "hub", bucket)
    corpus = imported(Store.open(tmp_path / "results"), "cdd-parquet", bucket, extract=str(tmp_path / "audio"))
    assert (corpus.audio_root, corpus.utterances) == (str(tmp_path / "audio"), 1)
    assert (tmp_path / "audio" / "train" / "a.wav").read_bytes() == content


def test_a_corpus_on_a_bucket_is_packed_into_the_root(tmp_path: Path, bucket: str) -> None:
    protocol = write_corpus(tmp_path / "corpus")
    upload(protocol.parent, bucket)
    store = Store.open(tmp_path / "results")
    corpus = imported(store, "csv", f"{bucket}/protocol.csv")
    row = table(store, corpus).slice(0, 1).to_pylist()[0]
    in_place = Recordings(store, corpus.folder, corpus.audio_root).read(row["path"], row["sha256"])
    pack_corpus(store, "mine")
    fsspec.filesystem("memory").rm(f"{bucket}/{row['path']}")
    packed = Recordings(store, corpus.folder, corpus.audio_root).read(row["path"], row["sha256"])
    assert (packed.samples == in_place.samples).all()


def test_an_experiment_may_name_a_corpus_on_a_bucket(tmp_path: Path, bucket: str) -> None:
    protocol = write_corpus(tmp_path / "corpus")
    upload(protocol.parent, bucket)
    shutil.rmtree(protocol.parent)
    source = {"name": "tiny", "reader": "csv", "path": f"{bucket}/protocol.csv"}
    config = write_experiment(tmp_path, corpora=[source], grid={"selections": ["mu-law"]})
    found = codecgrid("plan", config, "--root", tmp_path / "results", "--json").json
    assert (len(found["cells"]), found["faults"]) == (3, [])


def test_what_is_not_there_is_said_with_its_whole_name(tmp_path: Path, bucket: str) -> None:
    with pytest.raises(RequestError, match=rf"^{bucket}/nothing: there is nothing"), outlined(f"{bucket}/nothing"):
        pass
    fsspec.filesystem("memory").pipe_file(f"{bucket}/protocol.csv", b"utterance_id,path\na,a.wav\n")
    with pytest.raises(RequestError, match=r"a\.wav"):
        imported(Store.open(tmp_path / "results"), "csv", f"{bucket}/protocol.csv")
    with pytest.raises(UnusableAudioError, match=rf"^{bucket}/a\.wav: {MISSING}"):
        content_in_place(bucket, "a.wav")


@pytest.mark.slow
def test_import_of_a_corpus_on_s3_into_another_bucket_packs_it(tmp_path: Path, s3: S3Server) -> None:
    upload(write_corpus(tmp_path / "corpus").parent, f"s3://{BUCKET}/speech")
    root = s3.store()
    ended = codecgrid("import", "csv", f"s3://{BUCKET}/speech/protocol.csv", "--root", root.root, "--json")
    assert (ended.status, ended.json["name"], ended.json["packed"]["files"]) == (0, "speech", 24)
