"""The packages of plug-ins that an experiment file names: installed into folders of their own, and put on the path.

    plugins: [./my_codec, my-package==1.2]

A name that begins with `.`, `/` or `~` is the folder of a Python project, relative to the experiment file; any other is
a requirement with one version. Each goes into a folder below the cache, named by the digest of the project's files or
by the requirement, without its dependencies: these are codecgrid's own packages, or further `plugins`. The folder is on
`sys.path` of every command that reads the experiment file, on PYTHONPATH of the workers of a local run, and goes to the
machines of a cluster with the job. Nothing of this is part of an identity: a plug-in has its own `revision`.
"""

from __future__ import annotations

import hashlib
import importlib
import logging
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from grid.codecs.catalogue import load_catalogue
from grid.codecs.isolation.building import child_variables, find_uv
from grid.core.errors import RequestError
from grid.core.identity import digest
from grid.core.store import cache_folder

log = logging.getLogger(__name__)

TRAVELLED = "CODECGRID_PLUGINS_TRAVELLED"
"""Set in a job to whose machines the packages went with it: there the folders of the file need not exist."""
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "tests")


def plugin_folders(plugins: Sequence[str], beside: Path, where: str = "plugins") -> list[Path]:
    """The folders that hold the packages, installed if they are not yet, in order; without those that travelled.

    A requirement that this Python already meets needs none. Raises RequestError, beginning with `where`, for a folder
    that is no Python project, a requirement without a version, and a package that cannot be installed or has no
    plug-in of codecgrid.
    """
    if os.environ.get(TRAVELLED):
        return []
    folders = []
    for plugin in plugins:
        try:
            folder = _of_project((beside / Path(plugin).expanduser()).resolve()) if _is_path(plugin) else None
            folder = folder if _is_path(plugin) else _of_requirement(plugin)
        except RequestError as error:
            raise RequestError(f"{where}: {plugin}: {error}") from error
        if folder is not None:
            folders.append(folder)
    return folders


def make_importable(folders: Sequence[Path]) -> None:
    """Puts the folders in front of `sys.path`, and of PYTHONPATH for the processes that this one starts."""
    new = [str(folder) for folder in folders if str(folder) not in sys.path]
    if not new:
        return
    sys.path[:0] = new
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([*new, *([inherited] if inherited else [])])
    importlib.invalidate_caches()
    load_catalogue.cache_clear()


def _is_path(plugin: str) -> bool:
    return plugin.startswith((".", "/", "~"))


def _of_project(project: Path) -> Path:
    settings = project / "pyproject.toml"
    if not settings.is_file():
        what = "has no pyproject.toml, so it is no Python project" if project.is_dir() else "there is no such folder"
        raise RequestError(f"{project}: {what}")
    with tempfile.TemporaryDirectory(prefix="codecgrid-plugin-") as copy:
        # a copy, because builds leave files in the project, and so that what is hashed is what is built
        source = shutil.copytree(project, Path(copy) / project.name, ignore=LEFT_OUT)
        target = _site(project.name, [_tree_digest(source)])
        if not target.is_dir():
            _install([*(["--no-build-isolation"] if _can_build(settings) else []), str(source)], target)
    return target


def _of_requirement(plugin: str) -> Path | None:
    try:
        requirement = Requirement(plugin)
    except InvalidRequirement as error:
        raise RequestError(f"neither a folder (./{plugin}) nor a requirement such as my-package==1.2") from error
    versions = [each.version for each in requirement.specifier if each.operator == "=="]
    if requirement.url is None and not versions:
        raise RequestError(f"give it one version, such as {requirement.name}==1.2, so that every machine has the same")
    if versions and _installed(requirement):
        return None
    target = _site(requirement.name, [plugin])
    if not target.is_dir():
        _install([plugin], target)
    return target


def _installed(requirement: Requirement) -> bool:
    try:
        return version(requirement.name) in requirement.specifier
    except PackageNotFoundError:
        return False


def _site(name: str, content: list[str]) -> Path:
    python = [platform.python_version_tuple()[:2], platform.machine()]
    return cache_folder() / "plugins" / f"{name}-{digest([content, python])}"


def _can_build(settings: Path) -> bool:
    """Whether this Python has all that the project's build needs, so that uv need not fetch it."""
    content = tomllib.loads(settings.read_text(encoding="utf-8"))
    needed = content.get("build-system", {}).get("requires", ["setuptools"])
    return not all(_installed(Requirement(each)) for each in needed)


def _install(what: list[str], target: Path) -> None:
    """Installs one package, without its dependencies, into a new folder that then becomes `target`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=target.parent) as place:
        new = Path(place) / "site"
        options = ["--quiet", "--no-deps", "--python", sys.executable, "--target", str(new)]
        done = subprocess.run(
            [find_uv(), "pip", "install", *options, *what],
            capture_output=True,
            text=True,
            check=False,
            env=child_variables(),
            cwd=place,
        )
        if done.returncode != 0:
            raise RequestError(f"it cannot be installed: {' '.join(done.stderr.split())[-600:]}")
        groups = {point.group for each in distributions(path=[str(new)]) for point in each.entry_points}
        if not any(group.startswith("codecgrid.") for group in groups):
            raise RequestError(
                "it declares no plug-in: its pyproject.toml needs an entry point such as "
                '[project.entry-points."codecgrid.codecs"] (CONTRIBUTING.md has the groups)'
            )
        try:
            new.rename(target)
        except OSError:  # another process was faster
            log.info("%s was installed by another process", target)


def _tree_digest(folder: Path) -> str:
    """The digest of the names and contents of all files below a folder."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        total.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()
