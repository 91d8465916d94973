"""The lock of a driver on a real object store: who loses it stops, writes nothing more, and says why."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from functools import partial

import pytest

from cluster.stages.importing import driver_lock
from grid.core.lease import Lease, LeaseTimes
from tests.support.places import REPOSITORY
from tests.support.s3_server import S3Server

pytestmark = [pytest.mark.slow, pytest.mark.faults]

SHORT = LeaseTimes(renewal=0.1, expiry=1.0, poll=0.05)

DRIVER = """
import sys, time
from functools import partial

import grid.core.store
from cluster.stages.importing import driver_lock
from grid.core.lease import Lease, LeaseTimes
from grid.core.store import Store
from tasks import console

grid.core.lease._machine = lambda: ""  # as on another machine, whose processes nobody here can look into
grid.core.store.Lease = partial(Lease, times=LeaseTimes(renewal=0.1, expiry=1.0, poll=0.05))


def run():
    store = Store.open(sys.argv[1])
    with driver_lock(store, "tiny"):
        for number in range(1_000_000):
            store.write_json("cells/a/history.json", {"number": number})
            if number == 0:
                print("writing", flush=True)
            time.sleep(0.02)


console.main(run)
"""


def test_a_driver_whose_place_was_taken_while_it_was_stopped_writes_nothing_more(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grid.core.lease._machine", lambda: "")
    monkeypatch.setattr("grid.core.store.Lease", partial(Lease, times=SHORT))
    store = s3.store()
    arguments = [sys.executable, "-c", DRIVER, store.root]
    driver = subprocess.Popen(arguments, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert driver.stdout is not None
        assert driver.stdout.readline() == "writing\n"
        driver.send_signal(signal.SIGSTOP)
        time.sleep(2 * SHORT.expiry)
        with driver_lock(store, "tiny"):
            written = store.read_json("cells/a/history.json")
            driver.send_signal(signal.SIGCONT)
            _, said = driver.communicate(timeout=60)
            assert store.read_json("cells/a/history.json") == written
    finally:
        driver.kill()
        driver.wait()
    assert driver.returncode == 2
    assert "this run of 'tiny' was silent for so long that another run has taken its place; it was stopped" in said
