"""Builds environments with uv and git, once per machine: a folder named by its digest, whole when record.json is there.

A virtual environment cannot be moved, so it is built in its place, under a lock; one without its record, written last,
is left over from a build that was interrupted, and is made anew.
"""

from __future__ import annotations

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

from grid.codecs.isolation.declaration import FULL_COMMIT, Checkout, Declaration
from grid.core.atomic_write import replacing
from grid.core.errors import MissingRequirementError, RequestError
from grid.core.identity import canonical_json, digest

logger = logging.getLogger(__name__)

VARIABLE = "CODECGRID_ENVIRONMENTS"
DEFAULT = "~/.cache/codecgrid/environments"
RECORD, LOG, CHECKOUTS = "record.json", "build.log", "checkouts"
BRIDGE = ("numpy", "pydantic>=2", "soxr>=0.5")
"""What grid.codecs itself imports at the far end of a bridge; every environment has these."""
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
"""What a worker of Ray Data imports besides, at the versions of this process; for environments with `ray: true`."""
SHOWN_LINES = 15

Say = Callable[[str], None]


@dataclass(frozen=True)
class Environment:
    """A declaration and the folder of its environment on this machine, built or not."""

    declared: Declaration
    folder: Path

    @property
    def python(self) -> Path:
        """The interpreter."""
        return self.folder / "bin" / "python"

    @property
    def checkouts(self) -> Path:
        """The folder that holds each checkout under its name."""
        return self.folder / CHECKOUTS

    @property
    def paths(self) -> list[str]:
        """What belongs at the front of sys.path, in the order of the declaration."""
        return [str((self.checkouts / c.folder / path).resolve()) for c in self.declared.checkouts for path in c.paths]

    @property
    def built(self) -> bool:
        """Whether it is there, whole."""
        return (self.folder / RECORD).is_file()


def environment(declared: Declaration) -> Environment:
    """Where the environment belongs: below $CODECGRID_ENVIRONMENTS, or ~/.cache/codecgrid/environments."""
    root = Path(os.environ.get(VARIABLE) or DEFAULT).expanduser().absolute()
    parts = [declared.digest, _base_requirements(declared), platform.python_version_tuple()[:2], platform.machine()]
    return Environment(declared, root / f"{declared.name}-{digest(parts)}")


def current_environment() -> Environment | None:
    """The environment under whose Python this very process runs, as its record says; None in the core.

    Another package's declaration cannot be looked up there: the package is not installed in what it declares.
    """
    record = Path(sys.prefix) / RECORD
    if not record.is_file():
        return None
    declared = json.loads(record.read_text(encoding="utf-8"))["declaration"]
    return Environment(Declaration.model_validate(declared), record.parent)


def build_environment(declared: Declaration, say: Say = logger.info) -> Environment:
    """The environment, built if it is not there; waits where another process is building it.

    Raises MissingRequirementError without uv or git, RequestError with the last lines of what failed.
    """
    from filelock import FileLock

    made = environment(declared)
    if made.built:
        return made
    made.folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{made.folder}.lock"):
        if not made.built:
            _build(made, say)
    return made


def _build(made: Environment, say: Say) -> None:
    if made.folder.exists():
        say(f"{made.folder} is left over from a build that was interrupted: removing it")
        shutil.rmtree(made.folder)
    declared, uv = made.declared, _uv()
    say(f"making {made.folder} with Python {platform.python_version()}")
    _run([uv, "venv", "--quiet", "--python", sys.executable, str(made.folder)], made, "its virtual environment")
    (made.folder / "uv.toml").touch()  # where uv looks for settings first: else it takes those of a project around it
    for checkout in declared.checkouts:
        say(f"fetching {checkout.repository} at {checkout.commit[:12]}")
    commits = {checkout.folder: _check_out(checkout, made) for checkout in declared.checkouts}
    wanted = [*declared.requirements, *_base_requirements(declared)]
    say(f"installing {', '.join(wanted)}")
    _install(uv, wanted, made)
    if declared.imports:
        say(f"importing {', '.join(declared.imports)}")
        _import_all(made)
    record = {
        "name": declared.name,
        "digest": declared.digest,
        "declaration": declared.model_dump(mode="json"),
        "python": platform.python_version(),
        "commits": commits,
        "packages": _run([uv, "pip", "freeze", "--python", str(made.python)], made, "the list of packages").split("\n"),
    }
    with replacing(made.folder / RECORD) as temporary:
        temporary.write_bytes(canonical_json(record) + b"\n")
    say(f"{declared.name} is built")


def installed(made: Environment) -> list[str]:
    """The packages of a built environment with their versions, `name==version`."""
    packages: list[str] = json.loads((made.folder / RECORD).read_text(encoding="utf-8"))["packages"]
    return packages


def _base_requirements(declared: Declaration) -> list[str]:
    return list(_ray_worker()) if declared.ray else list(BRIDGE)


@lru_cache(maxsize=1)
def _ray_worker() -> tuple[str, ...]:
    return tuple(f"{name}=={version(name)}" for name in RAY_WORKER)


def _uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if found is None:
        raise MissingRequirementError("environments are made with uv, which is not here: python -m pip install uv")
    return found


def _install(uv: str, requirements: Sequence[str], made: Environment) -> None:
    """Where the index cannot be reached, what uv has in its cache may be enough: the second try."""
    overrides = made.folder / "overrides.txt"
    overrides.write_text("\n".join(made.declared.overrides) + "\n", encoding="utf-8")
    command = [uv, "pip", "install", "--python", str(made.python), "--override", str(overrides)]
    try:
        _run([*command, *requirements], made, "its packages")
    except RequestError:
        offline = [*command, "--offline", *requirements]
        if subprocess.run(offline, capture_output=True, cwd=made.folder, check=False).returncode != 0:
            raise


def _import_all(made: Environment) -> None:
    code = f"import sys; sys.path[:0] = {made.paths!r}; import {', '.join(made.declared.imports)}"
    _run([str(made.python), "-P", "-c", code], made, "the import of its modules", variables=child_variables())


def child_variables() -> dict[str, str]:
    """This process's variables without those that would let our own packages into another Python."""
    ours = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}
    return {key: value for key, value in os.environ.items() if key not in ours} | {"PYTHONNOUSERSITE": "1"}


def _check_out(checkout: Checkout, made: Environment) -> str:
    """The full hash of what was checked out; RequestError unless it is the declared commit."""
    folder = made.checkouts / checkout.folder
    folder.mkdir(parents=True)
    if shutil.which("git") is None:
        raise MissingRequirementError(f"environment {made.declared.name} needs git, which is not here: install git")
    what = f"the checkout of {checkout.repository} at {checkout.commit}"

    def git(*arguments: str) -> str:
        variables = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1"}
        return _run(["git", "-C", str(folder), *arguments], made, what, variables=variables)

    git("init", "--quiet")
    git("remote", "add", "origin", checkout.repository)
    if len(checkout.commit) == FULL_COMMIT:
        git("fetch", "--quiet", "--depth", "1", "origin", checkout.commit)
    else:  # only a whole hash can be asked for by itself
        git("fetch", "--quiet", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*")
    git("checkout", "--quiet", "--detach", checkout.commit)
    found = git("rev-parse", "HEAD").strip()
    if not found.startswith(checkout.commit):
        raise RequestError(f"{what} gave commit {found}")
    return found


def _run(command: Sequence[str], made: Environment, what: str, variables: Mapping[str, str] | None = None) -> str:
    """Standard output of a command; RequestError with the last lines it said, which build.log holds in full."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        env=variables,
        stdin=subprocess.DEVNULL,
        cwd=made.folder if made.folder.is_dir() else made.folder.parent,
        check=False,
    )
    with (made.folder.parent / f"{made.folder.name}.{LOG}").open("a", encoding="utf-8") as log:
        log.write(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}\n")
    if done.returncode != 0:
        last = "\n  ".join((done.stderr or done.stdout).strip().splitlines()[-SHOWN_LINES:])
        raise RequestError(
            f"environment {made.declared.name}: {what} failed with status {done.returncode}:\n  {last}\n"
            f"All it said: {made.folder}.{LOG}. Try again: codecgrid codecs build {made.declared.name}"
        )
    return done.stdout
