"""Runs an MLflow server over an experiment's database, on loopback by default."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from typing import IO

from cluster.tracking.client import connect, find_experiment, is_server, settings, tracking_uri, without_password
from cluster.tracking.view import cells_link
from grid.config.experiment import Experiment
from grid.core.errors import RequestError
from grid.core.store import Store

START_SECONDS = 300.0  # 14 s on 2 CPU cores, minutes on a machine that is busy
STOP_SECONDS = 10.0
# its jobs evaluate language models, and would take eight more processes: 36 s of processor time to start instead of 15
WITHOUT_JOBS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


@dataclass(frozen=True)
class Server:
    """A running MLflow server; `with` ends it."""

    process: subprocess.Popen[bytes]
    address: str

    def wait(self) -> int:
        """Waits until the server ends and gives its exit status."""
        return self.process.wait()

    def stop(self) -> None:
        """Ends the server and the workers it started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


def serve(experiment: Experiment, store: Store, port: int = 0, host: str = "127.0.0.1") -> Server:
    """Starts `mlflow server` over the experiment's database and waits until it answers; port 0 picks a free one.

    MLflow's server has no password, so `host` should stay the loopback address. Raises RequestError when
    the experiment has a server of its own, or when this one does not start.
    """
    uri = tracking_uri(experiment, store)
    if is_server(uri):
        raise RequestError(f"this experiment's MLflow already has an address: open {without_password(uri)}")
    port = port or _free_port(host)
    arguments = ["--backend-store-uri", uri, "--artifacts-destination", store.uri("mlartifacts")]
    arguments += ["--host", host, "--port", str(port), "--workers", "1"]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=WITHOUT_JOBS | settings(),
            start_new_session=True,  # so that its workers end with it
        )
        server = Server(process, f"http://{host}:{port}")
        try:
            if not _becomes_healthy(server):
                raise RequestError(f"MLflow's server did not start at {server.address}: {_last_lines(output)}")
        except BaseException:
            server.stop()
            raise
    return server


def cells_page(experiment: Experiment, address: str) -> str:
    """The page of the server at `address` with the experiment's cells; the list of experiments before any sync."""
    experiment_id = find_experiment(connect(address), experiment.name)
    return address if experiment_id is None else cells_link(address, experiment_id)


def _becomes_healthy(server: Server) -> bool:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.address}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            time.sleep(0.3)
    return False


def _last_lines(output: IO[bytes]) -> str:
    output.seek(0)
    return " | ".join(output.read().decode(errors="replace").strip().splitlines()[-5:])


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
