"""The store: atomic files on a disk and on an object store, and locks that are released when their process ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import Timeout

from grid.core.errors import RequestError
from grid.core.store import Store
from tests.support.s3_server import S3Server

OLD, NEW = b"old" * 1000, b"new" * 500_000

KILLED_WRITER = """
import os, signal, sys
from grid.core.store import Store
with Store.open(sys.argv[1]).writing("a/file") as temporary:
    with open(temporary, "wb") as stream:
        stream.write(b"new" * 100_000)
        stream.flush()
        os.kill(os.getpid(), signal.SIGKILL)
"""

ENDLESS_WRITER = """
import sys
from grid.core.store import Store
store = Store.open(sys.argv[1])
for turn in range(1_000_000):
    store.write_bytes("a/file", b"old" * 1000 if turn % 2 else b"new" * 500_000)
    if turn == 3:
        print("writing", flush=True)
"""

HOLDER = """
import sys, time
from grid.core.store import Store
with Store.open(sys.argv[1]).lock("a/lock", timeout=5):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture(params=["disk", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An empty store on a disk, in memory, and on a real S3 server."""
    if request.param == "s3":
        yield request.getfixturevalue("s3").store()
        return
    monkeypatch.setenv("CODECGRID_CACHE", str(tmp_path / "cache"))
    if request.param == "disk":
        yield Store.open(tmp_path / "root")
        return
    remote = Store.open(f"memory://{uuid.uuid4().hex}/root")
    yield remote
    remote.remove("")


def start(script: str, root: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", script, str(root)], stdout=subprocess.PIPE, text=True)


def test_write_and_read_gives_the_same_bytes(store: Store) -> None:
    store.write_bytes("a/b/c", OLD)
    assert store.read_bytes("a/b/c") == OLD
    store.write_bytes("a/b/c", NEW)
    assert store.read_bytes("a/b/c") == NEW


def test_writing_an_exception_leaves_the_old_file_and_nothing_else(store: Store) -> None:
    store.write_bytes("a/file", OLD)

    def fail() -> None:
        with store.writing("a/file") as temporary:
            temporary.write_bytes(NEW)
            raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        fail()
    assert store.read_bytes("a/file") == OLD
    assert store.names("a") == ["file"]


def test_names_are_sorted_without_hidden_ones_and_empty_for_no_folder(store: Store) -> None:
    for name in ("b", "a", ".hidden", "c/d"):
        store.write_bytes(f"folder/{name}", b"x")
    assert store.names("folder") == ["a", "b", "c"]
    assert store.names("nothing") == []


def test_remove_takes_files_and_folders_and_absent_ones(store: Store) -> None:
    for name in ("a/b", "a/c/d", "e"):
        store.write_bytes(name, b"x")
    store.remove("a")
    store.remove("never")
    assert not store.exists("a/c/d")
    assert store.exists("e")
    store.remove("e")
    assert not store.exists("e")


def test_remove_of_a_folder_is_one_step_for_those_who_look_at_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(tmp_path / "root")
    for name in ("a/b", "a/c/d"):
        store.write_bytes(name, b"x")
    unlink, seen = os.unlink, []

    def looking(name: str, *, dir_fd: int | None = None) -> None:
        if dir_fd is not None:
            seen.append(store.exists("a"))
        unlink(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", looking)
    store.remove("a")
    assert seen == [False, False]
    assert list((tmp_path / "root").iterdir()) == []


def test_remove_of_what_another_process_removes_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.open(tmp_path / "root")
    store.write_bytes("a/b", b"x")
    unlink = Path.unlink

    def after_another(self: Path, *arguments: bool, **named: bool) -> None:
        shutil.rmtree(tmp_path / "root" / "a")
        unlink(self, *arguments, **named)

    monkeypatch.setattr(Path, "unlink", after_another)
    store.remove("a/b")
    assert not store.exists("a")


def test_remove_that_the_server_refuses_is_an_error(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    store = s3.store()
    store.write_bytes("a/b", b"x")
    monkeypatch.setattr(store._fs, "rm", lambda paths: [])  # as s3fs reports what the server refuses
    with pytest.raises(OSError, match=r"1 objects could not be deleted, such as tests/.*/a/b"):
        store.remove("a")


def test_json_comes_back_and_nan_is_refused(store: Store) -> None:
    store.write_json("a.json", {"x": [1, 0.5, None, "é"]})
    assert store.read_json("a.json") == {"x": [1, 0.5, None, "é"]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.write_json("a.json", {"x": float("nan")})
    assert store.read_json("a.json") == {"x": [1, 0.5, None, "é"]}


@pytest.mark.parametrize("content", [b'{"x": 1', b"", b"\xff\xfe\x00"])
def test_read_json_damaged_names_the_file_and_what_to_do(store: Store, content: bytes) -> None:
    store.write_bytes("a/cell.json", content)
    with pytest.raises(RequestError, match=r"a/cell\.json is damaged .*; delete it and run again"):
        store.read_json("a/cell.json")


def test_read_absent_file_is_file_not_found(store: Store) -> None:
    with pytest.raises(FileNotFoundError):
        store.read_json("a/never.json")
    with pytest.raises(FileNotFoundError):
        store.local("a/never.json").read_bytes()


def test_local_gives_a_file_and_follows_its_changes(store: Store) -> None:
    store.write_bytes("a/file", OLD)
    assert store.local("a/file").read_bytes() == OLD
    store.write_bytes("a/file", NEW)
    assert store.local("a/file").read_bytes() == NEW


def test_local_of_a_remote_file_is_copied_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODECGRID_CACHE", str(tmp_path))
    store = Store.open(f"memory://{uuid.uuid4().hex}")
    store.write_bytes("a/file", OLD)
    copied = store.local("a/file")
    before = copied.stat().st_ino
    assert store.local("a/file").stat().st_ino == before
    assert tmp_path in copied.parents


def test_open_makes_folders_absolute_and_leaves_uris(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Store.open("results/").root == str(tmp_path / "results")
    assert Store.open("s3://bucket/folder/").root == "s3://bucket/folder"


def test_unknown_kind_of_root_is_a_request_error() -> None:
    with pytest.raises(RequestError, match="cannot open the root 'nowhere://x'"):
        Store.open("nowhere://x").exists("a")


def test_lock_is_held_against_others_and_freed_at_the_end_of_the_block(store: Store) -> None:
    assert not store.is_locked("a/lock")
    with store.lock("a/lock", timeout=0):
        assert store.is_locked("a/lock")
        with pytest.raises(Timeout), store.lock("a/lock", timeout=0):
            pass
    assert not store.is_locked("a/lock")
    with store.lock("a/lock", timeout=0):
        pass


def test_kill_in_the_middle_of_a_write_leaves_the_old_file(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    store.write_bytes("a/file", OLD)
    assert start(KILLED_WRITER, tmp_path).wait(60) == -signal.SIGKILL
    assert store.read_bytes("a/file") == OLD
    assert store.names("a") == ["file"]


def test_kill_at_any_time_leaves_the_old_or_the_new_file(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    writer = start(ENDLESS_WRITER, tmp_path)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "writing\n"
    seen = {store.read_bytes("a/file") for _ in range(200)}
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait(60)
    assert seen | {store.read_bytes("a/file")} <= {OLD, NEW}


def test_lock_is_held_against_others_and_freed_by_kill(tmp_path: Path) -> None:
    holder = start(HOLDER, tmp_path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    store = Store.open(tmp_path)
    with pytest.raises(Timeout), store.lock("a/lock", timeout=0):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait(60)
    with store.lock("a/lock", timeout=5):
        assert store.exists("a/lock")
