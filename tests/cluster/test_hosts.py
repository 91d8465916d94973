"""A grid on several hosts that see a bucket and nothing of the submitter: one joins late, and one is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch

from grid.cells.job import HISTORY, scores_folder
from grid.cells.status import epochs_so_far
from grid.core.store import Store
from grid.experiment.frozen import freeze
from grid.run_cell import run_cell
from grid.scoring.score_tables import SCORES
from tests.support.command_line import codecgrid
from tests.support.hosts import Host, network
from tests.support.places import REPOSITORY
from tests.support.ray_head import BIN
from tests.support.s3_server import S3Server, s3_server
from tests.support.tiny_grid import Tiny, write_corpus, write_experiment

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.quiet, pytest.mark.timeout(600)]

GRID = {"selections": ["gsm-06.10", "mu-law"], "policies": ["none", "spoof"]}
EPOCHS = 8
CODEC_WORKERS = 4
"""One for each shard of a rendition."""
GCS, DASHBOARD = 6379, 8265  # each host has ports of its own
TOKEN = "a" * 64
START_ATTEMPTS = 3


@dataclass(frozen=True)
class Cluster:
    """Ray on hosts: all of them, and the submitter, have the environment `variables`; logs are in `folder`."""

    head: Host
    variables: dict[str, str]
    folder: Path
    started: dict[Host, subprocess.Popen[bytes]] = field(default_factory=dict)
    options: dict[Host, tuple[str, ...]] = field(default_factory=dict)

    @property
    def dashboard(self) -> str:
        return f"http://{self.head.address}:{DASHBOARD}"

    def start_head(self) -> None:
        """Starts the head, without CPUs, and waits for it."""
        self._start(self.head, "--head", "--num-cpus=0", f"--port={GCS}", f"--dashboard-host={self.head.address}")
        self.wait_for(self.head)

    def start_worker(self, host: Host) -> None:
        """Starts a worker of one CPU, and does not wait until it has joined."""
        self._start(host, "--num-cpus=1", f"--address={self.head.address}:{GCS}")

    def _start(self, host: Host, *options: str) -> None:
        own = ["--block", f"--node-ip-address={host.address}", "--object-store-memory=100000000", *options]
        self.options[host] = options
        self.started[host] = host.start([str(BIN / "ray"), "start", *own], self.variables, self._log(host))

    def wait_for(self, host: Host) -> None:
        """Returns when Ray is up on the host; starts it again where it was not up within Ray's 30 s."""
        for _ in range(START_ATTEMPTS):
            wait_for(lambda: self._is_up(host) or self.started[host].poll() is not None, 240)
            if self._is_up(host):
                return
            assert "timed out during startup" in self._log(host).read_text(), self._log(host).read_text()
            host.lose()
            self._start(host, *self.options[host])
        pytest.fail(f"Ray does not start on {host.name}: this machine is too busy")

    def _is_up(self, host: Host) -> bool:
        return self.started[host].poll() is None and "block forever" in self._log(host).read_text()

    def pool_workers(self) -> int:
        """The number of workers of a codec that the job asks for now, those for which there is no CPU included."""
        request = urllib.request.Request(
            f"{self.dashboard}/api/v0/actors", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            actors = json.load(answer)["data"]["result"]["result"]
        return sum(actor["class_name"].startswith("MapWorker(") and actor["state"] != "DEAD" for actor in actors)

    def _log(self, host: Host) -> Path:
        return self.folder / f"{host.name}.log"


@dataclass(frozen=True)
class Submitted:
    """A command of the submitter, which follows the job that it has submitted."""

    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        return self.log.read_text()

    def runs_and(self, happened: Callable[[], bool]) -> Callable[[], bool]:
        """`happened`, and an error where the command ends before."""

        def checked() -> bool:
            assert self.process.poll() is None, self.said()
            return happened()

        return checked


def wait_for(happened: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def variables(s3: S3Server) -> dict[str, str]:
    """The environment of the hosts and of the submitter's commands."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return (
        kept
        | s3.variables
        | {
            "PATH": os.pathsep.join([str(BIN), os.environ["PATH"]]),
            "PYTHONPATH": "",  # the code comes with the job
            "COLUMNS": "300",
            "MLFLOW_TRACKING_URI": "sqlite:///mlflow.db",  # in the folder of the job, on the head
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": TOKEN,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_worker_niceness": "0",  # of 15, a busy machine would starve what the test waits for
            "RAY_JOB_STOP_SIGNAL": "SIGINT",  # as in the files of the clusters
            "RAY_JOB_STOP_WAIT_TIME_S": "30",
        }
    )


def make_checkout(folder: Path) -> Path:
    """What is sent to the cluster: a copy of the code, with the experiment and no corpus among its configs."""
    for name in ("grid", "cluster", "tasks"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return experiment(folder / "configs", {"name": "mine"})


def experiment(folder: Path, corpus: dict[str, str]) -> Path:
    resources = {"codec_workers": CODEC_WORKERS}
    return write_experiment(folder, grid=GRID, recipe={"epochs": EPOCHS}, corpora=[corpus], resources=resources)


def submit(command: Sequence[str], running: Cluster, checkout: Path, log: Path) -> Submitted:
    """Starts a command that submits and follows a job, on this machine and in its checkout."""
    own = running.variables | {"PYTHONPATH": str(checkout)}
    with log.open("wb") as stream:
        process = subprocess.Popen(command, cwd=checkout, env=own, stdout=stream, stderr=subprocess.STDOUT)
    return Submitted(process, log)


def run_on_a_disk(folder: Path, protocol: Path) -> Tiny:
    """The same grid, cell by cell in this process, with the corpus in place."""
    config = experiment(folder, {"name": "mine", "reader": "csv", "path": str(protocol)})
    made = Tiny(config, Store.open(folder / "results"))
    torch.set_num_threads(1)
    grid = made.rendered()
    freeze(made.store, grid)
    assert all(run_cell(made.store, job, grid.experiment, gpu=False) for job in grid.cells)
    assert codecgrid("report", config, "--root", made.store.root).status == 0
    return made


def outcome(made: Tiny) -> dict[str, bytes]:
    """The scores of the cells, whose folders have their ids, and the tables of the report."""
    store = made.store
    scores = [f"{scores_folder(job.folder, each)}/{SCORES}" for job in made.grid.cells for each in job.scored]
    folder = "reports/tiny"
    tables = [f"{folder}/{name}" for name in store.names(folder) if name.endswith((".csv", ".tex"))]
    assert tables
    return {path: store.read_bytes(path) for path in (*scores, *tables)}


def host_of_a_cell(made: Tiny) -> Callable[[], str]:
    """The name of the host that trains a cell, once that has two epochs; "" before."""
    jobs = made.grid.cells

    def find() -> str:
        begun = [job for job in jobs if made.store.exists(f"{job.folder}/{HISTORY}")]
        training = [job for job in begun if 2 <= len(epochs_so_far(made.store, job)) < EPOCHS]
        return str(made.store.read_json(f"{training[0].folder}/lock")["host"]) if training else ""

    return find


def test_grid_on_hosts_one_of_which_is_lost_gives_what_a_disk_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout, protocol = tmp_path / "checkout", write_corpus(tmp_path / "speech")
    config = make_checkout(checkout)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)  # the hosts are for each other alone
    with network("head", "one", "two", hidden=[tmp_path]) as hosts, s3_server(tmp_path / "s3", hosts.address) as s3:
        for name, value in {**s3.variables, "CODECGRID_CACHE": str(tmp_path / "cache")}.items():
            monkeypatch.setenv(name, value)
        head, one, two = hosts.hosts
        assert one.start(["test", "!", "-e", str(protocol)], {}, tmp_path / "hidden.log").wait() == 0
        made = Tiny(config, s3.store())
        imported = codecgrid("import", "csv", protocol, "--name", "mine", "--root", made.store.root)
        assert imported.status == 0, imported.err
        running = Cluster(head, variables(s3), tmp_path)
        running.start_head()
        running.start_worker(one)

        def submitter(command: Sequence[str], log: str) -> Submitted:
            return submit([*command, "--address", running.dashboard], running, checkout, tmp_path / log)

        plain = [str(BIN / "ray"), "job", "submit", "--submission-id", "grid-tiny", "--working-dir", "."]
        run = ["python", "-m", "tasks.run", "configs/tiny.yaml", "--address", "auto", "--root", made.store.root]
        first = submit([*plain, "--address", running.dashboard, "--", *run], running, checkout, tmp_path / "first.log")
        running.wait_for(one)
        # one CPU is there, and all workers are asked for: what makes an autoscaler bring machines
        wait_for(first.runs_and(lambda: running.pool_workers() == CODEC_WORKERS), 180)
        running.start_worker(two)
        running.wait_for(two)
        holder = host_of_a_cell(made)
        wait_for(first.runs_and(lambda: bool(holder())), 180)
        lost = holder()
        next(host for host in (one, two) if host.name == lost).lose()
        wait_for(first.runs_and(lambda: "was lost; it goes on from its last state" in first.said()), 120)
        stopping = submitter([str(BIN / "ray"), "job", "stop", "grid-tiny"], "stop.log")
        assert stopping.process.wait(timeout=60) == 0, stopping.said()
        first.process.wait(timeout=60)
        assert "stopped; run the same command again to go on" in first.said()

        again = [sys.executable, "-m", "tasks.submit", "configs/tiny.yaml", "--root", made.store.root]
        second = submitter(again, "second.log")
        on_disk = run_on_a_disk(tmp_path / "local", protocol)
        assert second.process.wait(timeout=300) == 0, second.said()
        assert "3 cells: 3 done; report: s3://" in second.said()
        assert outcome(made) == outcome(on_disk)
