"""A grid on a real S3 server: two drivers, a kill and the same command again give what a disk gives."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch

from cluster.driver import LEFT_TO_ANOTHER_RUN
from grid.cells.job import HISTORY, WEIGHTS, CellJob, scores_folder
from grid.core.record import FAILURE
from grid.core.store import Store
from grid.corpus.imported import pack_corpus
from grid.run_cell import run_cell
from grid.scoring.score_tables import SCORES
from tests.support.command_line import codecgrid
from tests.support.driver_process import family, start_run
from tests.support.s3_server import S3Server
from tests.support.tiny_grid import Tiny, tiny, write_experiment

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(600)]


def outcome(store: Store, job: CellJob) -> list[bytes]:
    """The weights and the scores of a cell."""
    scores = [f"{scores_folder(job.folder, rendition)}/{SCORES}" for rendition in job.scored]
    return [store.read_bytes(path) for path in (f"{job.folder}/{WEIGHTS}", *scores)]


def wait_for(happened: Callable[[], bool], driver: subprocess.Popen[bytes], seconds: float = 150) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert driver.poll() is None, "the driver ended by itself"
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.faults
def test_two_drivers_and_a_kill_give_what_a_disk_gives(
    ray_variables: dict[str, str], s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tiny(tmp_path, grid={"selections": ["mu-law"], "policies": ["spoof"]}, recipe={"epochs": 5})
    made = Tiny(disk.config, s3.store())
    mlflow = {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow["MLFLOW_TRACKING_URI"])
    variables = ray_variables | s3.variables | mlflow | {"CODECGRID_CACHE": str(tmp_path / "cache")}
    driver = start_run(made, variables, tmp_path / "killed.out", folder=tmp_path)
    try:
        wait_for(lambda: bool(made.store.is_locked("experiments/tiny.lock")), driver)
        second = codecgrid("run", made.config, "--root", made.store.root)
        assert second.status == 2
        assert f"another run of 'tiny' is going on in {made.store.root} (process {driver.pid} of " in second.err
        wait_for(lambda: any(path.endswith(HISTORY) for path in made.store.versions("cells")), driver)
        members = [p for p in family(driver) if not p.name().endswith("Agent")]
    finally:
        driver.kill()
    driver.wait(timeout=30)
    assert psutil.wait_procs(members, timeout=60)[1] == []
    again = start_run(made, variables, tmp_path / "again.out", folder=tmp_path)
    assert again.wait(timeout=200) == 0, (tmp_path / "again.err").read_text()
    assert json.loads((tmp_path / "again.out").read_text())["done"] == 1

    torch.set_num_threads(1)
    (job,) = disk.rendered().cells
    assert run_cell(disk.store, job, disk.grid.experiment, gpu=False)
    assert outcome(made.store, job) == outcome(disk.store, job)
    assert not made.store.exists(f"{job.folder}/{FAILURE}")
    assert made.store.exists("reports/tiny/index.html")
    assert f"report: {made.store.root}/reports/tiny/index.html" in (tmp_path / "again.err").read_text()
    assert not (tmp_path / "results" / "reports").exists()  # the working directory of the run
    assert codecgrid("status", made.config, "--root", made.store.root).out.startswith("1 done, 0 failed, 0 ")


RUN_WITH_EVERY_EPOCH = """
from tasks.cli import main
from tasks.progress import TerminalProgress

TerminalProgress.LINE_SECONDS = 0
main()
"""
EPOCH = re.compile(r"^  (tiny .+ seed 0, epoch \d+/\d+), dev EER", re.MULTILINE)


def started(config: Path, store: Store, variables: dict[str, str], said: Path) -> subprocess.Popen[bytes]:
    """`codecgrid run` in a process of its own that says every epoch."""
    command = [sys.executable, "-c", RUN_WITH_EVERY_EPOCH, "run", str(config), "--root", store.root]
    with said.open("ab") as stream:
        return subprocess.Popen(command, cwd=said.parent, env=variables, stdout=stream, stderr=stream)


@pytest.mark.quiet
def test_two_runs_at_once_that_share_their_cells_on_a_bucket_train_each_once(
    ray_variables: dict[str, str], s3: S3Server, tmp_path: Path
) -> None:
    grid, recipe = {"selections": ["mu-law"], "policies": ["bonafide", "spoof"]}, {"epochs": 3}
    one = tiny(tmp_path, grid=grid, recipe=recipe)
    two = write_experiment(tmp_path / "two", name="two", grid=grid, recipe=recipe, corpora=[{"name": "tiny"}])
    made = Tiny(one.config, s3.store())
    made.corpus()
    pack_corpus(made.store, "tiny")
    configs = {one.config: tmp_path / "one.log", two: tmp_path / "two.log"}
    variables = ray_variables | s3.variables | {"CODECGRID_CACHE": str(tmp_path / "cache"), "COLUMNS": "300"}

    def run(config: Path) -> subprocess.Popen[bytes]:
        mlflow = {"MLFLOW_TRACKING_URI": f"sqlite:///{config.with_name('mlflow.db')}"}
        return started(config, made.store, variables | mlflow, configs[config])

    at_once = {config: run(config) for config in configs}
    statuses = {config: process.wait(timeout=400) for config, process in at_once.items()}
    for config, status in statuses.items():
        if status == 3:  # it left a cell to the other run, and takes the result when that has ended
            assert LEFT_TO_ANOTHER_RUN in configs[config].read_text()
            statuses[config] = run(config).wait(timeout=200)
    said = "".join(log.read_text() for log in configs.values())
    assert set(statuses.values()) == {0}, said
    cells = [f"tiny mu-law {policy} seed 0" for policy in ("bonafide", "spoof")]
    assert Counter(EPOCH.findall(said)) == {f"{cell}, epoch {epoch}/3": 1 for cell in cells for epoch in (1, 2, 3)}
    tables = [name for name in made.store.names("reports/tiny") if name.endswith((".csv", ".tex"))]
    assert tables
    for name in tables:
        assert made.store.read_bytes(f"reports/tiny/{name}") == made.store.read_bytes(f"reports/two/{name}")

    torch.set_num_threads(1)
    for job in one.rendered().cells:
        assert run_cell(one.store, job, one.grid.experiment, gpu=False)
        assert outcome(made.store, job) == outcome(one.store, job)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("", "MLflow needs an address"),
        ("http://user:secret@127.0.0.1:9", r"no MLflow answers at http://***@127.0.0.1:9"),
    ],
)
@pytest.mark.faults
def test_a_run_without_an_mlflow_that_answers_is_refused_before_anything_is_imported(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    made = Tiny(tiny(tmp_path).config, s3.store())
    ended = codecgrid("run", made.config, "--root", made.store.root)
    assert ended.status == 2
    assert said in ended.err
    assert "secret" not in ended.err
    assert made.store.names("") == []
