"""Tests of a grid as a Ray job on a real head: by plain `ray job submit`, and by `codecgrid submit` to resume it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grid.cells.job import HISTORY, WEIGHTS
from tests.support.places import REPOSITORY
from tests.support.tiny_grid import Tiny, tiny

pytestmark = [pytest.mark.ray, pytest.mark.slow]

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def client(ray_variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a client of `cluster/local.sh`, which is run as a user would, and ended by its process id."""
    ports = [free_port() for _ in range(4)]
    variables = ray_variables | {
        "RAY_AUTH_MODE": "token",
        "RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{ports[0]}",
        "VIRTUAL_ENV": sys.prefix,
        "DASHBOARD_PORT": str(ports[0]),
        "GCS_PORT": str(ports[1]),
        "CPUS": "2",
        "OBJECT_STORE_BYTES": "100000000",
    }
    log = tmp_path_factory.mktemp("head") / "head.log"
    # a short folder, for the path of a socket holds 107 bytes
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        others = ["--dashboard-agent-listen-port", str(ports[2]), "--ray-client-server-port", str(ports[3])]
        command = [str(REPOSITORY / "cluster" / "local.sh"), "--temp-dir", folder, *others]
        with log.open("w") as stream:
            head = subprocess.Popen(command, env=variables, stdout=stream, stderr=subprocess.STDOUT)
        try:
            _wait_for(ports[0], head, log)
            yield variables
        finally:
            head.terminate()
            head.wait(timeout=60)


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def _wait_for(port: int, head: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and head.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0 and "block forever" in log.read_text():
                return
        time.sleep(0.2)
    pytest.fail(f"the head did not start:\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """What `codecgrid submit` sends: a copy of the code, with the tiny experiment among its configs."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("grid", "cluster", "tasks"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tiny(folder / "configs", grid={"selections": ["gsm-06.10"]})


def send(command: list[str], client: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    variables = client | {"PYTHONPATH": str(folder), "COLUMNS": "300"}
    return subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, timeout=240, check=False)


def written(made: Tiny) -> dict[str, int]:
    cells = Path(made.store.root) / "cells"
    return {str(path): path.stat().st_mtime_ns for name in (WEIGHTS, HISTORY) for path in cells.glob(f"*/{name}")}


def test_grid_as_a_ray_job_is_finished_and_submitted_again_trains_nothing(
    client: dict[str, str], checkout: Tiny
) -> None:
    folder = checkout.config.parents[1]
    address = client["RAY_API_SERVER_ADDRESS"]
    run = ["python", "-m", "tasks.run", str(checkout.config), "--root", checkout.store.root, "--address", "auto"]
    plain = send([str(BIN / "ray"), "job", "submit", "--address", address, "--", *run], client, folder)
    assert plain.returncode == 0, plain.stdout + plain.stderr
    assert "3 cells: 3 done; report: " in plain.stdout
    before = written(checkout)
    assert len(before) == 6

    again = [sys.executable, "-m", "tasks.submit", "configs/tiny.yaml", "--root", checkout.store.root]
    submitted = send([*again, "--address", address], client, folder)
    assert submitted.returncode == 0, submitted.stdout + submitted.stderr
    assert "submitted grid-tiny-" in submitted.stdout
    assert "3 cells: 3 done; report: " in submitted.stdout
    assert "training" not in submitted.stdout
    assert submitted.stdout.rstrip().endswith(": SUCCEEDED")
    assert written(checkout) == before
