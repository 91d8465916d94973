"""A grid on a real S3 server: two drivers, a kill and the same command again give what a disk gives."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch

from grid.cells.job import HISTORY, WEIGHTS, CellJob, scores_folder
from grid.core.record import FAILURE
from grid.core.store import Store
from grid.run_cell import run_cell
from grid.scoring.score_tables import SCORES
from tests.support.command_line import codecgrid
from tests.support.driver_process import family, start_run
from tests.support.s3_server import S3Server
from tests.support.tiny_grid import Tiny, tiny

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(600)]


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


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("", "MLflow needs an address"),
        ("http://user:secret@127.0.0.1:9", r"no MLflow answers at http://***@127.0.0.1:9"),
    ],
)
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
