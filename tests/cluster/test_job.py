"""Tests of a grid as a Ray job on a real head: by plain `ray job submit`, and by `codecgrid submit` to resume it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grid.cells.job import HISTORY, WEIGHTS
from tests.support.places import REPOSITORY
from tests.support.ray_head import BIN, Head
from tests.support.tiny_grid import Tiny, tiny

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.jobs, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """What `codecgrid submit` sends: a copy of the code, with the tiny experiment, rendered, among its configs."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("grid", "cluster", "tasks"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    made = tiny(folder / "configs", grid={"selections": ["gsm-06.10"], "policies": ["spoof"]})
    made.rendered()
    return made


def send(command: list[str], head: Head, folder: Path) -> subprocess.CompletedProcess[str]:
    variables = head.variables | {"PYTHONPATH": str(folder), "COLUMNS": "300"}
    return subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, timeout=280, check=False)


def written(made: Tiny) -> dict[str, int]:
    cells = Path(made.store.root) / "cells"
    return {str(path): path.stat().st_mtime_ns for name in (WEIGHTS, HISTORY) for path in cells.glob(f"*/{name}")}


def test_grid_as_a_ray_job_is_finished_and_submitted_again_trains_nothing(head: Head, checkout: Tiny) -> None:
    folder = checkout.config.parents[1]
    run = ["python", "-m", "tasks.run", str(checkout.config), "--root", checkout.store.root, "--address", "auto"]
    plain = send([str(BIN / "ray"), "job", "submit", "--address", head.address, "--", *run], head, folder)
    assert plain.returncode == 0, plain.stdout + plain.stderr
    assert "1 cells: 1 done; report: " in plain.stdout
    before = written(checkout)
    assert len(before) == 2

    again = [sys.executable, "-m", "tasks.submit", "configs/tiny.yaml", "--root", checkout.store.root]
    submitted = send([*again, "--address", head.address], head, folder)
    assert submitted.returncode == 0, submitted.stdout + submitted.stderr
    assert "submitted grid-tiny-" in submitted.stdout
    assert "1 cells: 1 done; report: " in submitted.stdout
    assert "training" not in submitted.stdout
    assert submitted.stdout.rstrip().endswith(": SUCCEEDED")
    assert written(checkout) == before
