"""Tests of runs that are killed, terminated or interrupted: in the end they give what an undisturbed run gives."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from cluster.driver import run_experiment
from cluster.stages.events import CellEvent, RenderProgress
from grid.cells.job import HISTORY, CellJob
from grid.core.store import Store
from grid.run_cell import run_cell
from tasks.progress import TerminalProgress
from tests.support.command_line import codecgrid
from tests.support.driver_process import family, start_run
from tests.support.tiny_grid import Tiny, tiny

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(600)]

EPOCHS = 5


def make(folder: Path) -> Tiny:
    """Three cells of one codec, long enough to be killed in the middle."""
    return tiny(folder, grid={"selections": ["gsm-06.10"]}, recipe={"epochs": EPOCHS})


def outcome(made: Tiny) -> dict[str, bytes]:
    """The weights and scores of every cell, and the losses and EERs of its epochs, each epoch once."""
    root = Path(made.store.root)
    found = {str(path.relative_to(root)): path.read_bytes() for path in root.glob("cells/*/**/scores.parquet")}
    for job in made.grid.cells:
        found[f"{job.folder}/weights"] = (root / job.folder / "weights.safetensors").read_bytes()
        epochs = made.store.read_json(f"{job.folder}/{HISTORY}")["epochs"]
        assert [epoch["epoch"] for epoch in epochs] == list(range(EPOCHS))
        found[f"{job.folder}/epochs"] = repr([(epoch["train_loss"], epoch["dev_eer"]) for epoch in epochs]).encode()
    return found


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The grid with its renditions."""
    folder = tmp_path_factory.mktemp("template") / "experiment"
    make(folder).rendered()
    return folder


@pytest.fixture(scope="module")
def undisturbed(template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the grid gives without a kill, and without Ray: rendered, trained and scored in this process."""
    made = copied(template, tmp_path_factory.mktemp("undisturbed"))
    finish(made)
    return outcome(made)


def copied(template: Path, folder: Path) -> Tiny:
    """The rendered grid in a folder of its own."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    return Tiny(folder / "tiny.yaml", Store.open(folder / "results"))


def finish(made: Tiny) -> None:
    """Brings every cell to its end in this process, from wherever it stands."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for job in made.grid.cells:
            assert run_cell(made.store, job, made.grid.experiment, gpu=False)
    finally:
        torch.set_num_threads(threads)


class Watching:
    """Does something once, at the first epoch that is reported."""

    def __init__(self, act: Callable[[CellEvent], None]) -> None:
        self.act: Callable[[CellEvent], None] | None = act

    def stage(self, text: str) -> None: ...
    def rendering(self, progress: RenderProgress) -> None: ...
    def training(self, cells: list[CellJob]) -> None: ...

    def cell(self, event: CellEvent) -> None:
        if event.epoch is not None and self.act is not None:
            act, self.act = self.act, None
            act(event)


def holder(store: Store, cell_id: str) -> psutil.Process:
    """The process of this test's Ray that holds the lock of a cell."""
    lock = store.uri(f"cells/{cell_id}/lock")
    for process in psutil.Process().children(recursive=True):
        if any(file.path == lock for file in process.open_files()):
            return process
    raise AssertionError(f"no process holds {lock}")


def test_run_whose_worker_is_killed_in_training_gives_the_same_to_the_last_bit(
    ray_local: None, template: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    made, killed = copied(template, tmp_path), []

    def kill(event: CellEvent) -> None:
        process = holder(made.store, event.cell_id)
        killed.append((event.cell_id, process.pid))
        process.kill()

    result = run_experiment(made.config, made.store, address="local", listener=Watching(kill))
    assert result.ok
    assert len(killed) == 1
    assert not psutil.pid_exists(killed[0][1])
    assert outcome(made) == undisturbed


@pytest.mark.parametrize(("given", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_run_that_is_told_to_stop_ends_in_order_and_goes_on_later(
    ray_local: None,
    template: Path,
    undisturbed: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: signal.Signals,
    status: int,
) -> None:
    made = copied(template, tmp_path)
    where = (made.config, "--root", made.store.root)
    before = signal.getsignal(given)
    watching = Watching(lambda event: os.kill(os.getpid(), given))
    with monkeypatch.context() as patch:
        patch.setattr(TerminalProgress, "cell", lambda self, event: watching.cell(event))
        stopped = codecgrid("run", *where)
    assert stopped.status == status
    assert stopped.err.splitlines()[-1] == "stopped; run the same command again to go on"
    assert "MLflow" not in stopped.err  # it did not go on as if training were done
    assert signal.getsignal(given) == before
    left = codecgrid("status", *where, "--json").json
    assert (left["failed"], left["running"]) == (0, 0)
    assert left["todo"] > 0
    assert {cell["action"] for cell in codecgrid("plan", *where, "--json").json["cells"]} >= {"resume"}
    finish(made)  # by Ray it is brought to its end in the tests around this one
    assert outcome(made) == undisturbed


def wait_for_an_epoch(made: Tiny, driver: subprocess.Popen[bytes], seconds: float = 150) -> None:
    deadline = time.monotonic() + seconds
    while not list(Path(made.store.root).glob(f"cells/*/{HISTORY}")):
        assert driver.poll() is None, "the driver ended by itself"
        assert time.monotonic() < deadline, "no epoch was trained"
        time.sleep(0.02)


# the lines of a run without a terminal
OURS = re.compile(
    r"importing corpus tiny|resynthesis|training|MLflow"
    r"|  (raw|gsm-06\.10): 0\.00 h of audio, .*"
    r"|  (\d/\d )?tiny .* seed 0(, epoch \d/\d, dev EER .*%)?"
    r"|3 cells: 3 done; report: .*/index\.html"
)


def test_run_whose_driver_is_killed_goes_on_and_gives_the_same_to_the_last_bit(
    ray_variables: dict[str, str], undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    made = make(tmp_path)
    driver = start_run(made, ray_variables, tmp_path / "killed.out")
    try:
        wait_for_an_epoch(made, driver)
        # Ray's two agents take a minute over it: they tell a head that is gone that the node is gone
        members = [p for p in family(driver) if not p.name().endswith("Agent")]
    finally:
        driver.kill()
    driver.wait(timeout=30)
    assert len(members) > 3
    assert psutil.wait_procs(members, timeout=60)[1] == []  # the trainings, and the Ray they ran in
    assert counted(made)["done"] < 3
    again = start_run(made, ray_variables, tmp_path / "again.out")
    assert again.wait(timeout=200) == 0
    assert json.loads((tmp_path / "again.out").read_text())["done"] == 3
    assert outcome(made) == undisturbed
    said = [*(tmp_path / "killed.err").read_text().splitlines(), *(tmp_path / "again.err").read_text().splitlines()]
    assert [line for line in said if not OURS.fullmatch(line)] == []
    assert said[:2] == ["importing corpus tiny", "resynthesis"]


def counted(made: Tiny) -> dict[str, Any]:
    counts: dict[str, Any] = codecgrid("status", made.config, "--root", made.store.root, "--json").json
    return counts
