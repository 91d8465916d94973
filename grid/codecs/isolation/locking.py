"""Writes the locks of isolated environments: all their packages, with versions and the SHA-256 of their files.

`python -m grid.codecs.isolation.locking [NAME ...]`, as `make lock` does: all environments declared here unless some
are named. It needs uv and a package index. A lock holds for every Python and machine (`--universal`).
"""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
from pathlib import Path

from grid.codecs.isolation.building import BRIDGE, RAY_WORKER, find_uv
from grid.codecs.isolation.declaration import Declaration, declaration, lock_path, names
from grid.core.errors import RequestError

log = logging.getLogger(__name__)

CORE_LOCK = Path(__file__).resolve().parents[3] / "requirements.lock"
"""The versions of the core, which an environment with `ray: true` shares as far as Ray needs it."""
OLDEST_PYTHON = "3.11"


def lock(declared: Declaration) -> str:
    """The lock of an environment; RequestError, with what uv says, when its requirements cannot be resolved."""
    base = core_pins() if declared.ray else list(BRIDGE)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "requirements.in").write_text("\n".join([*declared.requirements, *base, ""]))
        (folder / "overrides.txt").write_text("\n".join([*declared.overrides, ""]))
        options = ["--universal", "--generate-hashes", "--no-header", "--no-annotate", "--no-config"]
        place = ["--python-version", OLDEST_PYTHON, "--override", "overrides.txt", "requirements.in"]
        command = [find_uv(), "pip", "compile", "--quiet", *options, *place]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RequestError(f"environment {declared.name} cannot be locked: {done.stderr.strip()}")
    return done.stdout


def core_pins() -> list[str]:
    """The lines of the core's lock for what a worker of Ray Data imports, with their markers and without hashes."""
    lines = [line.rstrip(" \\") for line in CORE_LOCK.read_text(encoding="utf-8").splitlines() if "==" in line]
    return [line for line in lines if line.partition("==")[0] in RAY_WORKER]


def main(chosen: list[str]) -> None:
    """Locks the chosen environments, or all."""
    for name in chosen or names():
        lock_path(name).write_text(lock(declaration(name)), encoding="utf-8")
        log.info("locked %s", name)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(sys.argv[1:])
