"""Places that a command writes to, checked before its work begins."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from grid.core.errors import RequestError, one_line

if TYPE_CHECKING:
    from grid.core.store import Store


def open_root(root: str, *, writes: bool = True) -> Store:
    """The store at `root`.

    Raises RequestError for an empty name, for a bucket that does not answer, for a local root that is no folder, and
    where the command `writes` for one that cannot be written.
    """
    from grid.core.store import Store

    if not root.strip():
        raise RequestError("the root is empty; give a folder, s3:// or gs:// with --root")
    store = Store.open(root)
    if store.is_local:
        _check_folder(Path(store.root), "the root", "--root FOLDER", writes=writes)
    else:
        _check_answer(store)
    return store


def _check_answer(store: Store) -> None:
    """RequestError unless the object store answers and has the bucket."""
    try:
        there = store.has_bucket()
        store.exists("corpora")
    except Exception as error:  # what the clients of stores raise has no base in common; botocore's are no OSErrors
        reason = one_line(error, first=True)
        raise RequestError(
            f"the root {store.root} does not answer ({reason}). Check its name, this machine's credentials and network"
        ) from error
    if not there:
        raise RequestError(f"the root {store.root}: there is no such bucket; make it, or give another --root")


def require_writable(path: str | Path, option: str) -> Path:
    """`path` if a file can be written there, its folder made where it is not there yet; else RequestError."""
    file = Path(path)
    if file.is_dir():
        raise RequestError(f"{option} {file}: it is a folder; give the file to write, such as {file / 'scores.csv'}")
    if not file.name:
        raise RequestError(f"{option} {str(path)!r}: give the file to write")
    _check_folder(file.absolute().parent, option, f"{option} FILE", writes=True)
    return file


def require_folder(path: str | Path, option: str) -> Path:
    """`path` if it is a folder that can be written, or can be made one; else RequestError."""
    folder = Path(path)
    _check_folder(folder.absolute(), option, f"{option} FOLDER", writes=True)
    return folder


def _check_folder(folder: Path, what: str, option: str, *, writes: bool) -> None:
    """RequestError unless `folder` is a folder or can be made one."""
    try:
        nearest = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
        is_folder = nearest.is_dir()
    except (OSError, ValueError) as error:  # a name with a NUL character
        raise RequestError(f"{what} {str(folder)!r} can be no folder: {error}") from error
    if not is_folder:
        raise RequestError(f"{what} {folder}: {nearest} is a file and no folder; give another place with {option}")
    if writes and (reason := _unwritable(nearest)):
        raise RequestError(
            f"{what} {folder}: {nearest} cannot be written ({reason}); give another place with {option}, or: chmod u+w "
            f"{nearest}"
        )


def _unwritable(folder: Path) -> str:
    """Why nothing can be made in a folder, "" where it can: rights do not tell of file systems that take no files."""
    try:
        with tempfile.TemporaryDirectory(prefix=".codecgrid-", dir=folder):
            return ""
    except OSError as error:
        return error.strerror or one_line(error)
