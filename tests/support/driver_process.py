"""`codecgrid run` as a user starts it: a process with a home, a token and a Ray of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil

from tests.support.places import REPOSITORY
from tests.support.tiny_grid import Tiny


def driver_variables(home: Path, *sites: Path) -> dict[str, str]:
    """The environment of a driver in the folder `home`, whose workers find the packages in the folders `sites`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return kept | {
        "HOME": str(home),
        "RAY_AUTH_TOKEN_PATH": str(home / "token"),
        "PYTHONPATH": os.pathsep.join([*map(str, sites), str(REPOSITORY)]),
        "HF_HUB_OFFLINE": "1",
        "RAY_worker_niceness": "0",  # of 15, a busy machine would starve what a test waits for
        # in the home of its own uv would fetch again what made this environment
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache" / "uv"),
    }


def start_run(
    made: Tiny, variables: dict[str, str], out: Path, *, folder: Path = REPOSITORY, group: bool = False
) -> subprocess.Popen[bytes]:
    """Starts a run in `folder`, its stdout in the file `out` and its stderr beside it in `.err`.

    With `group` it leads a process group, as a command of a shell does, which can be given a signal as a whole.
    """
    command = [sys.executable, "-m", "tasks.run", str(made.config), "--root", made.store.root, "--json"]
    with out.open("wb") as stdout, out.with_suffix(".err").open("wb") as stderr:
        return subprocess.Popen(
            command, cwd=folder, env=variables, stdout=stdout, stderr=stderr, start_new_session=group
        )


def family(driver: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The processes that the driver started, and those of its Ray."""
    return psutil.Process(driver.pid).children(recursive=True)
