"""Leases: one holder at a time, taken over from one that ended or is silent, and never kept by one that lost it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import fsspec
import pytest

from grid.core.conditional_writes import MemoryWrites
from grid.core.lease import Holding, Lease, LeaseHeldError, LeaseLostError, LeaseTimes, is_leased
from grid.core.store import Store
from tests.support.s3_server import S3Server

SHORT = LeaseTimes(renewal=0.02, expiry=0.3, poll=0.01)
NEVER_RENEWED = LeaseTimes(renewal=60.0, expiry=0.2, poll=0.01)

HOLDER = """
import sys, time
from grid.core.store import Store
with Store.open(sys.argv[1]).lock("experiments/a.lock", timeout=0):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def path() -> str:
    return f"memory://{uuid.uuid4().hex}/a.lock"


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Holders are of a machine that nobody can look into, unless the test is about one of this machine."""
    if "this_machine" not in request.node.name:
        monkeypatch.setattr("grid.core.lease._machine", lambda: "")


def memory() -> MemoryWrites:
    return MemoryWrites(fsspec.filesystem("memory"))


def lease(path: str, timeout: float = 0.0, times: LeaseTimes = SHORT, writes: MemoryWrites | None = None) -> Lease:
    return Lease(writes or memory(), path, timeout=timeout, times=times)


def test_a_second_process_is_told_who_holds_it_and_gets_it_after_the_release(path: str) -> None:
    with lease(path):
        with (
            pytest.raises(LeaseHeldError, match=f"is held by process {os.getpid()} of .*, renewed 0 s ago"),
            lease(path),
        ):
            pass
        assert is_leased(memory(), path, SHORT)
    assert is_leased(memory(), path, SHORT) is False
    with lease(path):
        pass


def test_a_holder_that_lives_longer_than_the_expiry_keeps_it(path: str) -> None:
    with lease(path) as held:
        time.sleep(3 * SHORT.expiry)
        with pytest.raises(LeaseHeldError), lease(path, timeout=0.05):
            pass
        held.check()


def test_of_many_that_wait_for_a_silent_holder_one_gets_it(path: str) -> None:
    silent = lease(path, times=NEVER_RENEWED)
    silent.__enter__()
    inside, most = 0, 0
    counting = threading.Lock()

    def take(_: int) -> bool:
        nonlocal inside, most
        try:
            with lease(path, timeout=0.1):
                with counting:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0.3)
                with counting:
                    inside -= 1
                return True
        except LeaseHeldError:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(8))) == 1
    assert most == 1
    with pytest.raises(LeaseLostError, match=r"was silent for more than .* and lost memory://.* to process"):
        silent.check()
    silent.__exit__(None, None, None)


def test_who_lost_it_writes_nothing_more_and_is_called(path: str) -> None:
    called = threading.Event()
    times = LeaseTimes(renewal=0.3, expiry=0.1, poll=0.01)
    store = Store.open(path.rpartition("/")[0])
    with Lease(memory(), path, timeout=0, on_lost=called.set, times=times):
        store.write_bytes("a", b"before")
        time.sleep(0.15)
        with lease(path, times=times):
            assert called.wait(10)
        for forbidden in (lambda: store.write_bytes("a", b"after"), lambda: store.remove("a")):
            with pytest.raises(LeaseLostError, match="it writes nothing more"):
                forbidden()
    assert store.read_bytes("a") == b"before"
    store.write_bytes("a", b"after")  # the lease is over, and with it the prohibition


def test_a_paused_holder_goes_on_when_nobody_took_it_over(path: str) -> None:
    with lease(path, times=NEVER_RENEWED) as held:
        time.sleep(2 * NEVER_RENEWED.expiry)
        assert not is_leased(memory(), path, NEVER_RENEWED)
        held.check()
        assert is_leased(memory(), path, NEVER_RENEWED)


@dataclass(frozen=True)
class UnsureWrites(MemoryWrites):
    """A connection that breaks, or a client that tries again, just after the server has written."""

    answer: Exception | None = None

    def write(self, path: str, data: bytes, version: str | None) -> str | None:
        super().write(path, data, version)
        if self.answer is not None:
            raise self.answer
        return None


@pytest.mark.parametrize("answer", [TimeoutError("no answer"), OSError("500 Internal Server Error"), None])
def test_an_unsure_answer_is_read_again_before_it_is_believed(path: str, answer: Exception | None) -> None:
    unsure = UnsureWrites(fsspec.filesystem("memory"), answer)
    with lease(path, writes=unsure) as held:
        time.sleep(5 * SHORT.renewal)
        held.check()
        assert is_leased(memory(), path, SHORT)
    assert not is_leased(memory(), path, SHORT)
    with lease(path), pytest.raises(LeaseHeldError), lease(path, writes=unsure):
        pass


def test_a_store_that_is_away_costs_no_lease(path: str, caplog: pytest.LogCaptureFixture) -> None:
    @dataclass(frozen=True)
    class Away(MemoryWrites):
        away: threading.Event

        def write(self, path: str, data: bytes, version: str | None) -> str | None:
            if self.away.is_set():
                raise TimeoutError("no answer")
            return super().write(path, data, version)

    away = threading.Event()
    with Lease(Away(fsspec.filesystem("memory"), away), path, timeout=0, times=SHORT) as held:
        away.set()
        time.sleep(2 * SHORT.expiry)
        away.clear()
        held.check()
        assert is_leased(memory(), path, SHORT)
    assert "could not be renewed: TimeoutError: no answer" in caplog.text


def test_a_damaged_lease_is_free_after_its_expiry_alone(path: str) -> None:
    fsspec.filesystem("memory").pipe_file(path, b"{")
    with pytest.raises(LeaseHeldError, match="an unknown machine"), lease(path):
        pass
    with lease(path, timeout=5):
        pass


def test_a_process_of_this_machine_that_ended_is_known_at_once() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    own = Holding.of_this_process()
    assert (own.is_alive(), own.has_ended()) == (True, False)
    other = own.model_copy(update={"pid": process.pid})  # the number of another process, as after it was given again
    assert other.has_ended()
    process.kill()
    process.wait()
    assert other.has_ended()
    assert not own.model_copy(update={"machine": "another"}).has_ended()


@pytest.mark.slow
def test_two_processes_of_this_machine_on_one_bucket_and_a_kill(s3: S3Server) -> None:
    store = s3.store()
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, store.root], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(LeaseHeldError, match=f"process {holder.pid} of "),
            store.lock("experiments/a.lock", timeout=0.5),
        ):
            pass
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait(60)
    assert store.is_locked("experiments/a.lock") is False
    with store.lock("experiments/a.lock", timeout=0):
        assert store.is_locked("experiments/a.lock")


@pytest.mark.parametrize("kind", ["s3", "gs"])
def test_the_lease_is_a_small_file_beside_the_others(request: pytest.FixtureRequest, kind: str) -> None:
    store = request.getfixturevalue(kind).store()
    with store.lock("experiments/a.lock", timeout=0):
        assert store.read_json("experiments/a.lock")["pid"] == os.getpid()
    assert store.read_json("experiments/a.lock")["released"]
    assert store.names("experiments") == ["a.lock"]
