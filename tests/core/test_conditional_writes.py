"""Conditional writes, on a real S3 server, a stand-in for Google's, and in memory; and a server that ignores them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import fsspec
import pytest

from grid.core.conditional_writes import ConditionalWrites, MemoryWrites, are_conditions_kept, conditional_writes
from grid.core.store import Store
from tests.support.gs_server import GsServer
from tests.support.s3_server import S3Server

WRITERS = 64


@pytest.fixture(params=["s3", "gs", "memory"])
def folder(request: pytest.FixtureRequest) -> str:
    """The URI of an empty folder."""
    if request.param == "memory":
        return f"memory://{uuid.uuid4().hex}"
    server: S3Server | GsServer = request.getfixturevalue(request.param)
    return server.store().root


def writes_to(folder: str) -> ConditionalWrites:
    """The conditional writes to `folder`, by connections that allow all writers at once."""
    pool = {"config_kwargs": {"max_pool_connections": WRITERS}} if folder.startswith("s3://") else {}
    found = conditional_writes(fsspec.core.url_to_fs(folder, **pool)[0])
    assert found is not None
    return found


def at_once(write: Callable[[int], str | None]) -> list[str]:
    with ThreadPoolExecutor(WRITERS) as pool:
        return [version for version in pool.map(write, range(WRITERS)) if version is not None]


def test_of_many_writers_that_create_one_object_one_does(folder: str) -> None:
    writes = writes_to(folder)
    (version,) = at_once(lambda i: writes.write(f"{folder}/a", str(i).encode(), None))
    found = writes.read(f"{folder}/a")
    assert found is not None
    assert found.version == version


def test_of_many_writers_that_replace_one_version_one_does(folder: str) -> None:
    writes = writes_to(folder)
    first = writes.write(f"{folder}/a", b"first", None)
    (second,) = at_once(lambda i: writes.write(f"{folder}/a", str(i).encode(), first))
    found = writes.read(f"{folder}/a")
    assert found is not None
    assert found.version == second
    assert 0 <= found.age < 30


def test_what_is_not_there_is_none_and_cannot_be_replaced(folder: str) -> None:
    writes = writes_to(folder)
    assert writes.read(f"{folder}/never") is None
    version = writes.write(f"{folder}/a", b"a", None)
    assert writes.write(f"{folder}/never", b"b", version) is None
    assert writes.read(f"{folder}/never") is None


def test_conditions_are_kept_also_when_tried_again(folder: str) -> None:
    writes = writes_to(folder)
    assert are_conditions_kept(writes, folder)
    assert are_conditions_kept(writes, folder)


@pytest.mark.parametrize("kind", ["s3", "gs"])
def test_a_bucket_that_is_not_there_is_an_error_and_no_refusal(request: pytest.FixtureRequest, kind: str) -> None:
    request.getfixturevalue(kind)
    missing = f"{kind}://no-such-bucket-{uuid.uuid4().hex}"
    with pytest.raises(OSError):
        writes_to(missing).write(f"{missing}/a", b"a", None)


def test_a_store_that_ignores_conditions_is_found_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def ignoring(self: MemoryWrites, path: str, data: bytes, version: str | None) -> str:
        self.fs.pipe_file(path, data)
        return "a version"

    monkeypatch.setattr(MemoryWrites, "write", ignoring)
    store = Store.open(f"memory://{uuid.uuid4().hex}")
    with store.lock("a", timeout=0), store.lock("a", timeout=0):
        assert store.is_locked("a") is None
    assert "do not start two runs on it at the same time" in caplog.text
    assert len(caplog.records) == 1
