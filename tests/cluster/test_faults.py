"""Tests of runs that lose their cluster, a node, or a cell to another run: none waits for ever or ends without a line.

A run that loses its cluster ends its process, so each has a process and a Ray of its own here.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from cluster.driver import LEFT_TO_ANOTHER_RUN
from grid.cells.job import HISTORY
from grid.cells.status import cell_state
from grid.core.record import FAILURE
from grid.experiment.frozen import freeze
from tests.support.command_line import codecgrid
from tests.support.places import REPOSITORY
from tests.support.tiny_grid import Tiny, tiny

pytestmark = [pytest.mark.ray, pytest.mark.faults]

RUN = """
import sys
from cluster.driver import run_experiment
from cluster.runtime.watch import WatchLimits
from grid.core.store import Store
from tasks import console
from tasks.progress import TerminalProgress

config, root = sys.argv[1:]
limits = WatchLimits(silence=8, silence_after_sigterm=2, poll=0.2)
with TerminalProgress(console.err) as listener:
    run = lambda: run_experiment(config, Store.open(root), address="local", listener=listener, limits=limits)
    console.main(run)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Two rendered cells that no test trains to the end."""
    made = tiny(tmp_path_factory.mktemp("faults"), grid={"selections": ["gsm-06.10"]}, recipe={"epochs": 2000})
    freeze(made.store, made.rendered())
    return made


@dataclass(frozen=True)
class Driver:
    """A run in a process group of its own, with its Ray."""

    process: subprocess.Popen[str]

    def child(self, name: str) -> psutil.Process:
        return next(c for c in psutil.Process(self.process.pid).children(recursive=True) if c.name() == name)


def kill_raylet(driver: Driver) -> None:
    driver.child("raylet").kill()


def kill_gcs(driver: Driver) -> None:
    driver.child("gcs_server").kill()


def terminate_group(driver: Driver) -> None:
    os.killpg(driver.process.pid, signal.SIGTERM)


LOST = "error: the cluster went away: {}. Run the same command again to go on"


@pytest.mark.parametrize(
    ("act", "status", "line"),
    [
        (kill_raylet, 4, LOST.format("the Ray node of this driver ended")),
        (kill_gcs, 4, LOST.format("its GCS has not answered for 8 s")),
        (terminate_group, 143, "stopped; run the same command again to go on"),
    ],
)
def test_run_that_loses_its_cluster_in_training_ends_with_a_line_and_its_status(
    ray_variables: dict[str, str], made: Tiny, act: Callable[[Driver], None], status: int, line: str
) -> None:
    before = {path: path.stat().st_mtime_ns for path in histories(made)}
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, str(made.config), made.store.root],
        cwd=REPOSITORY,
        env=ray_variables,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    family: list[psutil.Process] = []
    try:
        deadline = time.monotonic() + 200
        while all(before.get(path) == path.stat().st_mtime_ns for path in histories(made)):
            assert process.poll() is None, "the driver ended by itself"
            assert time.monotonic() < deadline, "no epoch was trained"
            time.sleep(0.05)
        family = psutil.Process(process.pid).children(recursive=True)
        act(Driver(process))
        _, err = process.communicate(timeout=60)
    finally:
        for member in [p for p in family if p.is_running()]:
            member.kill()
        process.kill()
        psutil.wait_procs(family, timeout=30)
    assert err.splitlines()[-1] == line
    assert process.returncode == status
    assert {cell_state(made.store, job).status for job in made.grid.cells} == {"missing"}  # none counts as failed
    assert not list(Path(tempfile.gettempdir()).glob(f"codecgrid-tune-{process.pid}-*"))


def histories(made: Tiny) -> list[Path]:
    return list(Path(made.store.root).glob(f"cells/*/{HISTORY}"))


HOLDER = """
import sys, time
from grid.cells.job import read_job
from grid.cells.status import running
from grid.core.store import Store

store = Store.open(sys.argv[1])
with running(store, read_job(store, sys.argv[2])):
    print("running", flush=True)
    time.sleep(600)
"""


def test_cell_that_another_run_holds_is_left_to_it_and_its_result_is_taken_later(
    ray_local: None, tmp_path: Path
) -> None:
    made = tiny(tmp_path, grid={"selections": ["gsm-06.10"]})
    grid = made.rendered()
    freeze(made.store, grid)
    held, *free = grid.cells
    arguments = [sys.executable, "-c", HOLDER, made.store.root, held.cell_id]
    holder = subprocess.Popen(arguments, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "running\n"
        first = codecgrid("run", made.config, "--root", made.store.root, "--json")
    finally:
        holder.kill()
        holder.wait(30)
    assert first.status == 3
    assert (first.json["done"], first.json["running"], first.json["failed"]) == (len(free), 1, 0)
    assert f"running: {held.cell_id}" in first.err
    assert LEFT_TO_ANOTHER_RUN in first.err
    assert not made.store.exists(f"{held.folder}/{FAILURE}")
    made.store.write_json(f"{free[0].folder}/{FAILURE}", {"error": "it could not be measured", "trace": ""})
    second = codecgrid("run", made.config, "--root", made.store.root, "--json")
    assert (second.status, second.json["done"]) == (0, len(grid.cells))
    assert not made.store.exists(f"{free[0].folder}/{FAILURE}")  # the cell is done


NODE_LOSS = """
import sys, time
from pathlib import Path

from cluster.runtime import environment

environment.prepare(loopback=True)
environment.ensure_token()

import ray
from ray._private.state import actors
from ray.cluster_utils import Cluster

from cluster.stages import resynthesis
from cluster.stages.events import RenderProgress
from grid.config.experiment import Resources
from tests.support.tiny_grid import tiny


class SlowWorker(resynthesis.ShardWorker):
    def __call__(self, batch):
        time.sleep(1.0)  # so that both nodes are at work when one is lost
        return super().__call__(batch)


def lose_the_node(progress: RenderProgress) -> None:
    if progress.shards_done == 1 and len(lost) == 0:
        lost.append(node)
        cluster.remove_node(node, allow_graceful=False)


lost = []
made = tiny(Path(sys.argv[1]), grid={"selections": ["gsm-06.10"], "policies": ["none"]}, corpus={"utterances": 6})
corpora, grid = made.corpora(), made.grid
resynthesis.ShardWorker = SlowWorker
size = {"num_cpus": 1, "object_store_memory": 100_000_000}
cluster = Cluster(initialize_head=True, head_node_args={**size, "include_dashboard": False})
node = cluster.add_node(**size)
ray.init(address=cluster.address, log_to_driver=False)
arguments = {"resources": Resources(), "max_failed_share": 0.0, "progress": lose_the_node}
errors = resynthesis.render_all(made.store, grid.renditions, corpora, **arguments)
assert lost
assert errors == {}, errors
ray.get(ray.remote(num_cpus=1)(lambda: None).remote(), timeout=60)  # the CPU that is left is free for the next stage
workers = [actor["State"] for actor in actors().values() if actor["ActorClassName"].startswith("MapWorker(")]
assert set(workers) == {"DEAD"}, workers
ray.shutdown()
cluster.shutdown()
print("rendered")
"""


def test_node_that_is_lost_in_resynthesis_costs_no_codec_and_leaves_no_worker(
    ray_variables: dict[str, str], tmp_path: Path
) -> None:
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        ended = subprocess.run(
            [sys.executable, "-c", NODE_LOSS, str(tmp_path)],
            cwd=REPOSITORY,
            env=ray_variables | {"RAY_TMPDIR": folder},
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
    assert ended.stdout.splitlines()[-1:] == ["rendered"], ended.stderr[-3000:]
