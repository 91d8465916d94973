"""Builds isolated environments with uv and git, once per machine, each in a folder named by its digest.

A virtual environment cannot be moved, so it is built in its final place, under a lock. `record.json` is written last: a
folder without it is left from an interrupted build, and is built again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from grid.codecs.isolation.declaration import Checkout, Declaration
from grid.core.atomic_write import replacing
from grid.core.errors import MissingRequirementError, RequestError
from grid.core.identity import canonical_json, digest

logger = logging.getLogger(__name__)

VARIABLE = "CODECGRID_ENVIRONMENTS"
DEFAULT = "~/.cache/codecgrid/environments"
RECORD, LOG, CHECKOUTS = "record.json", "build.log", "checkouts"
BRIDGE = ("numpy", "pydantic>=2", "soxr>=0.5")
"""What grid.codecs imports in the child process; installed in every environment."""
RAY_WORKER = (
    "ray",
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic",
    "pyyaml",
    "soxr",
    "soundfile",
    "fsspec",
    "filelock",
    "huggingface-hub",
)
"""What a worker of Ray Data imports, pinned to the versions of this process; for environments with `ray: true`."""
SHOWN_LINES = 15

Say = Callable[[str], None]


@dataclass(frozen=True)
class Environment:
    """A declaration and the folder of its environment on this machine, which may not be built yet."""

    declared: Declaration
    folder: Path

    @property
    def python(self) -> Path:
        """The path of the interpreter."""
        return self.folder / "bin" / "python"

    @property
    def checkouts(self) -> Path:
        """The folder that holds each checkout under its name."""
        return self.folder / CHECKOUTS

    @property
    def paths(self) -> list[str]:
        """The folders to put at the front of sys.path, in the order of the declaration."""
        return [str((self.checkouts / c.folder / path).resolve()) for c in self.declared.checkouts for path in c.paths]

    @property
    def built(self) -> bool:
        """Whether it was built completely."""
        return (self.folder / RECORD).is_file()


def environment(declared: Declaration) -> Environment:
    """The environment in its folder below $CODECGRID_ENVIRONMENTS, or ~/.cache/codecgrid/environments."""
    root = Path(os.environ.get(VARIABLE) or DEFAULT).expanduser().absolute()
    parts = [declared.digest, _base_requirements(declared), platform.python_version_tuple()[:2], platform.machine()]
    if declared.lock:
        parts.append(hashlib.sha256(declared.lock.encode()).hexdigest())
    return Environment(declared, root / f"{declared.name}-{digest(parts)}")


def current_environment() -> Environment | None:
    """The isolated environment under whose Python this process runs, read from its record; None in the core.

    The declaration itself may not be found there: the package that declares an environment need not be installed in it.
    """
    record = Path(sys.prefix) / RECORD
    if not record.is_file():
        return None
    declared = json.loads(record.read_text(encoding="utf-8"))["declaration"]
    return Environment(Declaration.model_validate(declared), record.parent)


def build_environment(declared: Declaration, say: Say = logger.info) -> Environment:
    """The environment, built if necessary; waits while another process builds it.

    Raises MissingRequirementError without uv or git, and RequestError with the last lines of the command that failed.
    """
    from filelock import FileLock

    target = environment(declared)
    if target.built:
        return target
    target.folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{target.folder}.lock"):
        if not target.built:
            _build(target, say)
    return target


def _build(target: Environment, say: Say) -> None:
    if target.folder.exists():
        say(f"{target.folder} is left over from a build that was interrupted: removing it")
        shutil.rmtree(target.folder)
    declared, uv = target.declared, find_uv()
    say(f"making {target.folder} with Python {platform.python_version()}")
    _run([uv, "venv", "--quiet", "--python", sys.executable, str(target.folder)], target, "its virtual environment")
    (target.folder / "uv.toml").touch()  # uv reads this first, else the settings of an enclosing project
    for checkout in declared.checkouts:
        say(f"fetching {checkout.repository} at {checkout.commit[:12]}")
    commits = {checkout.folder: _check_out(checkout, target) for checkout in declared.checkouts}
    _install_packages(uv, target, say)
    if declared.imports:
        say(f"importing {', '.join(declared.imports)}")
        _import_all(target)
    packages = _run([uv, "pip", "freeze", "--python", str(target.python)], target, "the list of packages")
    record = {
        "name": declared.name,
        "digest": declared.digest,
        "declaration": declared.model_dump(mode="json", exclude={"lock"}),
        "python": platform.python_version(),
        "commits": commits,
        "packages": packages.split("\n"),
    }
    with replacing(target.folder / RECORD) as temporary:
        temporary.write_bytes(canonical_json(record) + b"\n")
    say(f"{declared.name} is built")


def installed(made: Environment) -> list[str]:
    """The packages of a built environment, each as `name==version`."""
    packages: list[str] = json.loads((made.folder / RECORD).read_text(encoding="utf-8"))["packages"]
    return packages


def _base_requirements(declared: Declaration) -> list[str]:
    return list(_ray_worker()) if declared.ray else list(BRIDGE)


@lru_cache(maxsize=1)
def _ray_worker() -> tuple[str, ...]:
    return tuple(f"{name}=={version(name)}" for name in RAY_WORKER)


def find_uv() -> str:
    """The program uv, beside this Python or on the PATH; MissingRequirementError where it is not here."""
    neighbour = Path(sys.executable).with_name("uv")
    uv = str(neighbour) if neighbour.is_file() else shutil.which("uv")
    if uv is None:
        raise MissingRequirementError("environments are made with uv, which is not here: python -m pip install uv")
    return uv


def _install_packages(uv: str, target: Environment, say: Say) -> None:
    """Installs what the lock lists, each file by its SHA-256; without a lock that fits, what the declaration asks for.

    The lock of an environment with `ray: true` fits when it has what Ray needs in the versions of this process.
    """
    declared = target.declared
    others = _not_in(declared.lock, _ray_worker()) if declared.lock and declared.ray else []
    if declared.lock and not others:
        lock = target.folder / "requirements.lock"
        lock.write_text(declared.lock, encoding="utf-8")
        say(f"installing the packages of its lock (for this machine, of {len(_pins(declared.lock))}) by their SHA-256")
        _install(uv, ["--no-deps", "--require-hashes", "--requirements", str(lock)], target)
        return
    if others:
        say(f"its lock is for another installation of codecgrid, without {', '.join(others)}: it is not used")
    requirements = [*declared.requirements, *_base_requirements(declared)]
    say(f"installing {', '.join(requirements)}, and what these ask for, without checking any SHA-256")
    overrides = target.folder / "overrides.txt"
    overrides.write_text("\n".join(declared.overrides) + "\n", encoding="utf-8")
    _install(uv, ["--override", str(overrides), *requirements], target)


def _not_in(lock: str, pins: Sequence[str]) -> list[str]:
    """The pins, each `name==version`, that a lock does not have."""
    locked = _pins(lock)
    return [pin for pin in pins if pin not in locked]


def _pins(lock: str) -> set[str]:
    """The packages of a lock, each `name==version`; the lines of their digests are indented."""
    return {line.split()[0] for line in lock.splitlines() if line[:1].isalnum()}


def _install(uv: str, arguments: Sequence[str], target: Environment) -> None:
    """Installs from the package index; if that fails, tries again with uv's cache alone, as without a network."""
    command = [uv, "pip", "install", "--python", str(target.python)]
    try:
        _run([*command, *arguments], target, "its packages")
    except RequestError:
        offline = [*command, "--offline", *arguments]
        if subprocess.run(offline, capture_output=True, cwd=target.folder, check=False).returncode != 0:
            raise


def _import_all(target: Environment) -> None:
    code = f"import sys; sys.path[:0] = {target.paths!r}; import {', '.join(target.declared.imports)}"
    _run([str(target.python), "-P", "-c", code], target, "the import of its modules", variables=child_variables())


def child_variables() -> dict[str, str]:
    """This process's environment variables without those that would make its packages importable in another Python."""
    ours = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}
    return {key: value for key, value in os.environ.items() if key not in ours} | {"PYTHONNOUSERSITE": "1"}


def _check_out(checkout: Checkout, target: Environment) -> str:
    """Checks the repository out and returns the full commit hash; RequestError unless it is the declared commit."""
    folder = target.checkouts / checkout.folder
    folder.mkdir(parents=True)
    if shutil.which("git") is None:
        raise MissingRequirementError(f"environment {target.declared.name} needs git, which is not here: install git")
    what = f"the checkout of {checkout.repository} at {checkout.commit}"

    def git(*arguments: str) -> str:
        variables = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1"}
        return _run(["git", "-C", str(folder), *arguments], target, what, variables=variables)

    git("init", "--quiet")
    git("remote", "add", "origin", checkout.repository)
    git("fetch", "--quiet", "--depth", "1", "origin", checkout.commit)
    git("checkout", "--quiet", "--detach", checkout.commit)
    found = git("rev-parse", "HEAD").strip()
    if found != checkout.commit:
        raise RequestError(f"{what} gave commit {found}")
    return found


def _run(command: Sequence[str], target: Environment, what: str, variables: Mapping[str, str] | None = None) -> str:
    """Runs a command and returns its standard output; RequestError with its last lines. build.log has all output."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        env=variables,
        stdin=subprocess.DEVNULL,
        cwd=target.folder if target.folder.is_dir() else target.folder.parent,
        check=False,
    )
    with (target.folder.parent / f"{target.folder.name}.{LOG}").open("a", encoding="utf-8") as log:
        log.write(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}\n")
    if done.returncode != 0:
        last = "\n  ".join((done.stderr or done.stdout).strip().splitlines()[-SHOWN_LINES:])
        raise RequestError(
            f"environment {target.declared.name}: {what} failed with status {done.returncode}:\n  {last}\n"
            f"Full output: {target.folder}.{LOG}. Try again: codecgrid codecs build {target.declared.name}"
        )
    return done.stdout
