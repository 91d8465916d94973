"""Tests of the settings, the token, the local session and the signals of a driver."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from cluster.runtime import environment
from cluster.runtime.session import graceful_termination, session
from cluster.stages.importing import driver_lock
from grid.core.errors import MissingRequirementError, RequestError
from tests.support.command_line import codecgrid
from tests.support.places import REPOSITORY
from tests.support.tiny_grid import tiny

SETTINGS = (environment.AUTHENTICATION, environment.LOOPBACK, *environment.EVERYWHERE)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home and an environment of its own for each test, without any of Ray's variables."""
    before = dict(os.environ)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith("RAY_") or name in {s.name for s in SETTINGS}]:
        monkeypatch.delenv(name)
    yield tmp_path
    monkeypatch.undo()
    os.environ.clear()
    os.environ.update(before)


def test_prepare_before_ray_is_imported_fills_what_the_user_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ray", raising=False)
    monkeypatch.setenv("RAY_CHDIR_TO_TRIAL_DIR", "1")
    environment.prepare(loopback=True)
    assert os.environ["RAY_AUTH_MODE"] == "token"
    assert os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] == "0"
    assert os.environ["RAY_CHDIR_TO_TRIAL_DIR"] == "1"


def test_prepare_for_a_cluster_leaves_the_address_of_the_node_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ray", raising=False)
    environment.prepare(loopback=False)
    assert "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER" not in os.environ


def test_prepare_after_ray_is_imported_warns_and_leaves_the_token_mode_to_ray(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "ray", sys)
    with caplog.at_level(logging.WARNING):
        environment.prepare(loopback=True)
    assert "RAY_AUTH_MODE" not in os.environ
    assert "RAY_AUTH_MODE=token" in caplog.text


def test_ensure_token_without_a_file_makes_one_only_its_owner_reads(home: Path) -> None:
    environment.ensure_token()
    path = home / ".ray" / "auth_token"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(environment.token()) == 64


def test_ensure_token_with_a_file_others_can_read_keeps_the_token_and_mends_the_mode(home: Path) -> None:
    path = home / "token"
    path.write_text("secret\n")
    path.chmod(0o644)
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(path)
    environment.ensure_token()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert environment.token() == "secret"


def test_token_missing_says_how_to_make_one() -> None:
    with pytest.raises(MissingRequirementError, match="ray get-auth-token --generate"):
        environment.token()


def test_session_with_a_dashboard_url_points_to_submit() -> None:
    with pytest.raises(RequestError, match="codecgrid submit"), session("http://127.0.0.1:8265"):
        pass


def test_session_with_a_head_that_is_not_there_fails_at_once() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{held.getsockname()[1]}"
        with pytest.raises(RequestError, match="nothing answers"), session(address):
            pass


@pytest.mark.parametrize("held", [True, False])
def test_auto_with_a_ray_address_where_nothing_answers_fails_before_the_lock(tmp_path: Path, held: bool) -> None:
    made = tiny(tmp_path)
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{port.getsockname()[1]}"
        os.environ["RAY_ADDRESS"] = address
        with driver_lock(made.store, "tiny") if held else nullcontext():
            ended = codecgrid("run", made.config, "--root", made.store.root, "--address", "auto")
    assert ended.status == 2
    assert ended.err.startswith(f"error: nothing answers at {address}, the address of RAY_ADDRESS (")
    assert made.store.exists("experiments/tiny.lock") == held


def test_sigterm_while_tune_listens_reaches_tune_first_and_then_interrupts() -> None:
    heard: list[int] = []
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGUSR1)
    with graceful_termination():
        signal.signal(signal.SIGUSR1, lambda number, frame: heard.append(number))
        os.kill(os.getpid(), signal.SIGTERM)
        assert heard == [signal.SIGUSR1]
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGUSR1)) == before


def test_sigterm_while_nobody_listens_interrupts() -> None:
    with graceful_termination(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)


LOCAL = """
import json, sys
from pathlib import Path
import psutil
from cluster.runtime.session import session

with session("local", cpus=1, object_store_bytes=100_000_000, temporary=Path(sys.argv[1])) as here:
    import ray
    with session("local") as inner:
        nested = inner.started
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    ports = [c.laddr.ip for p in family for c in p.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    alive = ray.is_initialized()
print(json.dumps([here.started, here.cpus, nested, alive, ray.is_initialized(), sorted(set(ports)), len(ports)]))
"""


@pytest.mark.ray
@pytest.mark.slow
def test_session_local_listens_on_loopback_only_and_ends_with_its_block(home: Path) -> None:
    # a process of its own, for what Ray reads only once; a short folder, for sockets allow 107 bytes
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:
        command = [sys.executable, "-c", LOCAL, folder]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=True)
    started, cpus, nested, alive, after, addresses, listening = json.loads(done.stdout.splitlines()[-1])
    assert (started, cpus) == (True, 1.0)
    assert (nested, alive, after) == (False, True, False)
    assert {address.removeprefix("::ffff:") for address in addresses} == {"127.0.0.1"}
    assert listening > 4
    assert stat.S_IMODE((home / ".ray" / "auth_token").stat().st_mode) == 0o600
