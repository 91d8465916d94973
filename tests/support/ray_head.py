"""Starts `cluster/local.sh` as a user would, on free ports and in a folder of its own; ends it by its process id."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.places import REPOSITORY

BIN = Path(sys.executable).parent
"""The folder of `python` and `ray`."""


@dataclass(frozen=True)
class Head:
    """A running Ray head of two CPUs: its dashboard, the environment of a client, and the token that it asks for."""

    address: str
    variables: dict[str, str]
    token: str


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@contextmanager
def ray_head(variables: dict[str, str], log: Path) -> Iterator[Head]:
    """A head in the environment `variables`, which name the file of its token; what it says goes to `log`."""
    dashboard, gcs = free_port(), free_port()  # those of the agent and others are local.sh's choice
    address = f"http://127.0.0.1:{dashboard}"
    own = variables | {
        "RAY_AUTH_MODE": "token",
        "RAY_API_SERVER_ADDRESS": address,
        "VIRTUAL_ENV": sys.prefix,
        "DASHBOARD_PORT": str(dashboard),
        "GCS_PORT": str(gcs),
        "CPUS": "2",
        "OBJECT_STORE_BYTES": "100000000",
    }
    # a short folder, for the path of a socket holds 107 bytes
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        command = [str(REPOSITORY / "cluster" / "local.sh"), "--temp-dir", folder]
        with log.open("w") as stream:
            process = subprocess.Popen(command, env=own, stdout=stream, stderr=subprocess.STDOUT)
        try:
            _wait_for(dashboard, process, log)
            yield Head(address, own, Path(own["RAY_AUTH_TOKEN_PATH"]).read_text().strip())
        finally:
            process.terminate()
            process.wait(timeout=60)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0 and "block forever" in log.read_text():
                return
        time.sleep(0.2)
    pytest.fail(f"the head did not start:\n{log.read_text()[-2000:]}")
