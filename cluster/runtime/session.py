"""Starts or joins Ray (the only place that calls `ray.init`), and handles the signals that stop a driver."""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from cluster.runtime import environment
from cluster.runtime.plugin_environment import plugin_environment
from cluster.runtime.quiet import quiet_start
from grid.core.errors import RequestError

logger = logging.getLogger(__name__)

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
CONNECT_SECONDS = 5
TO_START = "Start one on this machine: cluster/local.sh; or use --address local"
START_ATTEMPTS = 3
LOCAL_OBJECT_STORE = 256_000_000  # bytes; audio never travels through the object store, so manifests are all it holds


@dataclass(frozen=True)
class Session:
    """A Ray session: whether this process started it, and the resources of all nodes when it was started or joined."""

    started: bool
    cpus: float
    gpus: float
    nodes: int


@contextmanager
def session(
    address: str = "local",
    *,
    cpus: int | None = None,
    gpus: int | None = None,
    object_store_bytes: int = LOCAL_OBJECT_STORE,
    temporary: Path | None = None,
    spill: Path | None = None,
    plugin_folders: Sequence[Path] = (),
) -> Iterator[Session]:
    """Ray for the length of a `with` block.

    `local` starts a session of this process alone, listening on loopback only; `auto` joins the cluster of this
    machine or of RAY_ADDRESS; `host:port` joins that head. Inside a Ray job every address joins the job's cluster, so
    one command line serves a laptop and a cluster. `cpus`, `gpus` and the folders `temporary` (sockets and logs; keep
    it short) and `spill` (objects that leave memory) hold for `local` only; None leaves the choice to Ray.

    A cluster that is joined gets the packages in `plugin_folders` for this process's workers. A started session needs
    none of it: its workers inherit PYTHONPATH.

    At the end of the block a started session is shut down; a joined cluster, or a Ray that was already initialised in
    this process, goes on. Raises RequestError when there is nothing to join or the token is refused.
    """
    joins = address != "local" or inside_job()
    if joins:
        check_address(address)
    environment.prepare(loopback=not joins or _host(_resolved(address)) in LOOPBACK_HOSTS)

    import ray

    if ray.is_initialized():
        yield _describe(started=False)
        return
    with quiet_start():
        if joins:
            _join("auto" if address == "local" else address, plugin_folders)
        else:
            _start(cpus, gpus, object_store_bytes, temporary, spill)
    try:
        yield _describe(started=not joins)
    finally:
        ray.shutdown()


def inside_job() -> bool:
    """Whether this process is the entrypoint of a Ray job, or a worker of one."""
    return "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ or "RAY_JOB_ID" in os.environ


def _resolved(address: str) -> str:
    """The address behind `auto`, without importing ray: RAY_ADDRESS, else the file that `ray start` writes.

    Needed because Ray replaces a loopback address by this machine's own unless its clusters are switched off.
    """
    if address != "auto":
        return address
    current = Path(os.environ.get("RAY_TMPDIR", "/tmp")) / "ray" / "ray_current_cluster"
    return os.environ.get("RAY_ADDRESS") or (current.read_text().strip() if current.is_file() else "")


def _host(address: str) -> str:
    return address.rpartition(":")[0].strip("[]")


def check_address(address: str) -> None:
    """Raises RequestError for an address that cannot be joined, within CONNECT_SECONDS; Ray itself needs minutes.

    To be called before a lock is taken. `auto` stands for RAY_ADDRESS, or for the last head of this machine.
    """
    if address == "auto" and (resolved := _resolved(address)) not in {"", "auto", "local"}:
        named_by = "RAY_ADDRESS" if os.environ.get("RAY_ADDRESS") else "the last `ray start` of this machine"
        _probe(resolved, f"{resolved}, the address of {named_by}")
        return
    _probe(address, address)


def _probe(address: str, name: str) -> None:
    host, _, port = address.rpartition(":")
    if "://" in address or (address not in {"local", "auto"} and not (host and port.isdigit())):
        raise RequestError(
            f"--address {name}: a driver joins `auto` or HOST:PORT from inside the cluster; from anywhere else "
            "hand the grid over instead: codecgrid submit CONFIG --address http://127.0.0.1:8265 --root URI"
        )
    if host:
        try:
            socket.create_connection((_host(address), int(port)), timeout=CONNECT_SECONDS).close()
        except OSError as error:
            raise RequestError(f"nothing answers at {name} ({error}). {TO_START}") from error


def _start(cpus: int | None, gpus: int | None, store: int, temporary: Path | None, spill: Path | None) -> None:
    import ray

    environment.ensure_token()
    folders = {"_temp_dir": temporary, "object_spilling_directory": spill}
    for attempt in range(START_ATTEMPTS):
        try:
            ray.init(
                address="local",  # not a cluster that happens to run on this machine
                num_cpus=cpus,
                num_gpus=gpus,
                object_store_memory=store,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.WARNING,
                **{name: str(folder) for name, folder in folders.items() if folder is not None},
            )
            break
        except Exception as error:  # Ray raises no type of its own when a start takes more than 30 s
            if "timed out during startup" not in str(error) or attempt == START_ATTEMPTS - 1:
                raise
            logger.warning("Ray did not start within its time; this machine is busy. Starting it again")
            ray.shutdown()
    environment.protect_token()
    own_address = ray.util.get_node_ip_address()
    if not own_address.startswith("127."):
        logger.warning("this Ray session listens on %s, not on loopback alone; its token guards it", own_address)


def _join(address: str, plugin_folders: Sequence[Path]) -> None:
    import ray
    from ray.exceptions import AuthenticationError

    environment.protect_token()
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level=logging.WARNING,
            runtime_env=plugin_environment(plugin_folders) or None,
        )
    except AuthenticationError as error:
        raise RequestError(
            f"the Ray cluster at {address!r} refuses this machine's token ({environment.token_path()}). "
            "Copy the head's token there and: export RAY_AUTH_MODE=token"
        ) from error
    except ConnectionError as error:
        raise RequestError(f"no Ray cluster at {address!r}. {TO_START}") from error


def _describe(*, started: bool) -> Session:
    import ray

    total: dict[str, Any] = ray.cluster_resources()
    nodes = sum(1 for node in ray.nodes() if node["Alive"])
    return Session(started=started, cpus=total.get("CPU", 0.0), gpus=total.get("GPU", 0.0), nodes=nodes)


@dataclass
class Termination:
    """The number of SIGTERMs received."""

    seen: int = 0


sigterms = Termination()
"""Those of this process so far, while `graceful_termination` handled them."""


@contextmanager
def graceful_termination() -> Iterator[Termination]:
    """Turns SIGTERM into an orderly end while the block runs. Use it around `fit`, inside `session`.

    Tune saves and returns on SIGUSR1 and on SIGINT but is killed by SIGTERM, which a cluster sends to stop a job. So
    the first SIGTERM becomes SIGUSR1 if Tune handles it, and KeyboardInterrupt if not; a second one is always
    KeyboardInterrupt. The end of the block restores all handlers, also those that Tune has replaced. Inside `session`
    because Ray sets a handler for SIGTERM too. Main thread only (Python raises ValueError elsewhere).
    """
    termination = Termination()

    def stop(number: int, frame: FrameType | None) -> None:
        termination.seen += 1
        sigterms.seen += 1
        if termination.seen == 1 and callable(signal.getsignal(signal.SIGUSR1)):
            os.kill(os.getpid(), signal.SIGUSR1)
        else:
            raise KeyboardInterrupt("SIGTERM")

    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGUSR1)}
    kept[signal.SIGTERM] = signal.signal(signal.SIGTERM, stop)
    try:
        yield termination
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
