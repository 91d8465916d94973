"""The declaration of an isolated environment: the fields of its NAME.yaml, and the digest that identifies it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from grid.core.entry_points import entry_points
from grid.core.errors import RequestError, unknown_name
from grid.core.identity import digest

ENTRY_POINTS = "codecgrid.environments"
"""The entry-point group of further environments; a value is the package that holds their NAME.yaml files."""
LOCK_SUFFIX = ".lock"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_ADVICE = "a branch, a tag and a short hash can all come to mean other code; `git rev-parse HEAD` prints the full hash"


def _pinned(requirement: str) -> str:
    """`requirement` if it can only ever mean one version: by number, by the full commit, or by the hash of a file."""
    name, _, place = requirement.partition(" @ ")
    if not place:
        if not re.search(r"==\d", requirement):
            raise ValueError(f"{requirement!r} is not pinned: write NAME==VERSION or NAME @ URL")
    elif place.startswith("git+"):
        address, _, commit = place.partition("#")[0].rpartition("@")
        if not address or not _COMMIT.fullmatch(commit):
            raise ValueError(
                f"{requirement!r}: write {name} @ git+URL@COMMIT with all 40 digits of the commit; {_ADVICE}"
            )
    elif not place.startswith("file:") and not re.search(r"#(.*&)?sha256=[0-9a-f]{64}\b", place):
        raise ValueError(f"{requirement!r}: write {name} @ URL#sha256=DIGEST, because the file behind a URL can change")
    return requirement


def _full_commit(commit: str) -> str:
    if not _COMMIT.fullmatch(commit):
        raise ValueError(f"{commit!r} is no full commit hash of 40 digits; {_ADVICE}")
    return commit


def _below(path: str) -> str:
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise ValueError(f"{path!r} is not a place below the checkout")
    return path


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Checkout(_Declared):
    """A git repository at one commit."""

    repository: str = Field(pattern=r"^(https|file)://\S+$")
    commit: Annotated[str, AfterValidator(_full_commit)]
    folder: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="name of the checkout's folder")
    paths: tuple[Annotated[str, AfterValidator(_below)], ...] = Field(
        default=(".",), min_length=1, description="folders inside it that come first on sys.path"
    )


class Declaration(_Declared):
    """One environment: packages and checkouts. Its yaml opens with a comment that says why it is needed."""

    name: str = Field(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$")
    requirements: tuple[Annotated[str, AfterValidator(_pinned)], ...]
    overrides: tuple[str, ...] = Field(
        default=(),
        description="requirements that override those of packages whose pins cannot be satisfied",
    )
    checkouts: tuple[Checkout, ...] = ()
    imports: tuple[str, ...] = Field(default=(), description="modules that must import once it is built")
    ray: bool = Field(default=False, description="Ray Data can run an operator under its Python: its pins suit our Ray")
    lock: str = Field(
        default="",
        description="the content of NAME.lock beside the yaml: every package with its version and the SHA-256 of its "
        "files, as `grid.codecs.isolation.locking` writes it",
    )

    @property
    def digest(self) -> str:
        """Identifies everything declared that can change the samples of a codec; independent of the machine."""
        return digest(self.model_dump(mode="json", exclude={"name", "imports", "lock"}))

    def holds(self, path: str) -> bool:
        """Whether the weights file `path` is part of one of the checkouts."""
        return PurePosixPath(path).parts[0] in {checkout.folder for checkout in self.checkouts}


def find_declaration(name: str) -> Declaration | None:
    """The declaration called `name`; None when there is no such file, RequestError when the file is not valid."""
    path = _files().get(name)
    return read_declaration(path) if path else None


def declaration(name: str, where: str = "") -> Declaration:
    """As `find_declaration`; RequestError with the choices when there is none."""
    declared = find_declaration(name)
    if declared is None:
        raise unknown_name("environment", name, _files(), where=where)
    return declared


def names() -> list[str]:
    """The names of all environments declared here and by installed packages, sorted."""
    return sorted(_files())


def lock_path(name: str) -> Path:
    """Where the lock of the environment `name` belongs: beside its declaration."""
    return _files()[name].with_suffix(LOCK_SUFFIX)


@lru_cache(maxsize=64)
def read_declaration(path: Path) -> Declaration:
    """The declaration in the yaml file at `path`, named after the file, with the lock beside it if there is one.

    RequestError when it is not valid.
    """
    from grid.config.yaml_file import load_yaml

    locked = path.with_suffix(LOCK_SUFFIX)
    try:
        fields: Any = load_yaml(path)
        lock = locked.read_text(encoding="utf-8") if locked.is_file() else ""
        return Declaration.model_validate({"name": path.stem, **(fields or {}), "lock": lock})
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise RequestError(f"{path}: {field}: {problem['msg']}") from error
    except TypeError as error:
        raise RequestError(f"{path} is no declaration of an environment: {error}") from error


def _files() -> dict[str, Path]:
    return {path.stem: path for folder in _folders() for path in sorted(folder.glob("*.yaml"))}


def _folders() -> Iterator[Path]:
    """The folders of declarations; the core's is the last, so that its names take precedence."""
    for point in entry_points(group=ENTRY_POINTS):
        spec = find_spec(point.value)
        yield from map(Path, (spec.submodule_search_locations if spec else None) or [])
    yield Path(__file__).resolve().parents[1] / "environments"
