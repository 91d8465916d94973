"""A stand-in for Google Cloud Storage, where its program `fake-gcs-server` is on the PATH: in memory, on loopback."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from grid.core.store import Store
from tests.support.ray_head import free_port

PROGRAM = "fake-gcs-server"
START_SECONDS = 60
BUCKET = "tests"


@dataclass(frozen=True)
class GsServer:
    """A running server; `variables` is the environment in which gcsfs finds it."""

    variables: dict[str, str]

    def store(self) -> Store:
        """An empty store."""
        return Store.open(f"gs://{BUCKET}/{uuid.uuid4().hex}")


@contextmanager
def gs_server(folder: Path) -> Iterator[GsServer]:
    """A server with one empty bucket; the test is skipped where the program or gcsfs is not installed."""
    program = shutil.which(PROGRAM)
    if program is None:
        pytest.skip(f"needs the program {PROGRAM} (github.com/fsouza/fake-gcs-server) on the PATH")
    pytest.importorskip("gcsfs")
    (folder / "data" / BUCKET).mkdir(parents=True)
    port = free_port()
    place = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
    command = [program, *place, "-backend", "memory", "-data", str(folder / "data"), "-log-level", "error"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_for(port, process, folder / "server.log")
        yield GsServer({"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}"})
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"the server did not start:\n{log.read_text()[-2000:]}")
