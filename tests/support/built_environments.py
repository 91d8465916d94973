"""Tests of codecs with an isolated environment: skipped where it is not built, else run under its Python."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from grid.codecs.isolation.building import Environment, child_variables, environment
from grid.codecs.isolation.declaration import declaration
from tests.support.places import REPOSITORY


def built(name: str) -> Environment:
    """The environment `name`; the test is skipped where it is not built."""
    made = environment(declaration(name))
    if not made.built:
        pytest.skip(f"needs the environment {name}: codecgrid codecs build {name}")
    return made


def run_script(made: Environment, script: Path, folder: Path) -> None:
    """Runs `script FOLDER` under the environment's Python, with its checkouts and this repository importable."""
    variables = {
        **child_variables(),
        "PYTHONPATH": os.pathsep.join([*made.paths, str(REPOSITORY)]),
        "OMP_NUM_THREADS": "1",
    }
    command = [str(made.python), str(script), str(folder)]
    done = subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4_000:]
