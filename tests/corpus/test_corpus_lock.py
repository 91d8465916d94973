"""Tests of two processes that import or pack one corpus at once: one does it, the other waits and takes its work."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from grid.config.experiment import CorpusSource
from grid.core.store import Store
from grid.corpus.corpus_lock import corpus_lock
from grid.corpus.imported import StoredCorpus, pack_corpus, register_corpus
from tests.support.s3_server import S3Server
from tests.support.tiny_grid import write_corpus

SOURCE = CorpusSource(name="mine", reader="csv", path="speech/protocol.csv")


def waits(
    task: Callable[[], object], store: Store, pool: ThreadPoolExecutor, said: Callable[[], str]
) -> Future[object]:
    """Starts `task` while the lock is held, until it has said that it waits; the lock is free afterwards."""
    with corpus_lock(store, "mine") as waited:
        assert not waited
        started = pool.submit(task)
        deadline = time.monotonic() + 60
        while "corpus mine is imported or packed by another process; this one waits for its end" not in said():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert not started.done()
    return started


@pytest.mark.parametrize("place", ["disk", pytest.param("bucket", marks=pytest.mark.slow)])
def test_a_second_import_waits_and_takes_what_the_first_has_made(
    tmp_path: Path, place: str, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    s3: S3Server | None = request.getfixturevalue("s3") if place == "bucket" else None
    store = s3.store() if s3 is not None else Store.open(tmp_path / "results")
    write_corpus(tmp_path / "speech", speakers=1, utterances=1)
    first = register_corpus(store, SOURCE, tmp_path)
    for path in (tmp_path / "speech").glob("*.wav"):
        path.unlink()  # a second import could not be made
    with ThreadPoolExecutor(1) as pool:
        second = waits(lambda: register_corpus(store, SOURCE, tmp_path), store, pool, lambda: caplog.text)
        assert second.result(60) == first


def test_a_second_import_of_another_protocol_is_made_after_the_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store.open(tmp_path / "results")
    write_corpus(tmp_path / "speech", speakers=1, utterances=1)
    first = register_corpus(store, SOURCE, tmp_path)
    write_corpus(tmp_path / "speech", speakers=1, utterances=2)
    with ThreadPoolExecutor(1) as pool:
        second = waits(lambda: register_corpus(store, SOURCE, tmp_path), store, pool, lambda: caplog.text).result(60)
    assert isinstance(second, StoredCorpus)
    assert (first.utterances, second.utterances) == (6, 12)


def test_packing_waits_for_an_import(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = Store.open(tmp_path / "results")
    write_corpus(tmp_path / "speech", speakers=1, utterances=1)
    register_corpus(store, SOURCE, tmp_path)
    with ThreadPoolExecutor(1) as pool:
        waits(lambda: pack_corpus(store, "mine"), store, pool, lambda: caplog.text).result(60)
    shutil.rmtree(tmp_path / "speech")
    assert pack_corpus(store, "mine").results["files"] == 6
