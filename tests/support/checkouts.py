"""Upstream projects that are git checkouts: where $CODECGRID_CHECKOUTS keeps them, and importing from them in a test.

The variable names a folder with one folder `OWNER+NAME` for each project, with the files of the pinned commit.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

VARIABLE = "CODECGRID_CHECKOUTS"


def checkout(repository: str, commit: str) -> Path:
    """The folder of `OWNER/NAME` at `commit`; the test is skipped where it is absent or at another commit."""
    named = os.environ.get(VARIABLE)
    if not named:
        pytest.skip(f"needs {repository} at {commit[:7]}: set {VARIABLE} to a folder that holds it")
    path = Path(named).expanduser() / repository.replace("/", "+")
    if not path.is_dir():
        pytest.skip(f"needs {repository} at {commit[:7]}: {path} is absent")
    if (path / ".git").exists():  # an archive of a commit has none, and is not checked
        command = ["git", "-C", str(path), "rev-parse", "HEAD"]
        head = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        if head != commit:
            pytest.skip(f"needs {repository} at {commit[:7]}: {path} is at {head[:7]}")
    return path


@contextmanager
def imported(repository: str, commit: str, *packages: str, below: str = ".") -> Iterator[Path]:
    """The folder `below` the checkout of `repository` at `commit`, with `packages` imported from there."""
    folder = checkout(repository, commit) / below
    with importing(folder, *packages):
        yield folder


@contextmanager
def importing(folder: Path, *packages: str) -> Iterator[None]:
    """`folder` comes first on sys.path and `packages` are imported afresh; at the end both are as they were.

    Several projects have a package of the same name (`academicodec`), and a process can import only one of them.
    """
    before = _forget(packages)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        _forget(packages)
        sys.modules.update(before)


def _forget(packages: tuple[str, ...]) -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name.split(".")[0] in packages]
    return {name: sys.modules.pop(name) for name in names}
