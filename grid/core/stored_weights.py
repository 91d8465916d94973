"""Weight files in a store: put there once, and taken from there once by each machine.

weights/SHA256/NAME     the content
weights/KEY.json        which file that is, written last; KEY is the digest of path, source and revision
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, ValidationError

from grid.core.errors import RequestError
from grid.core.identity import digest, file_digest
from grid.core.store import Store
from grid.core.weight_file import WeightFile

FOLDER = "weights"


class StoredWeights(BaseModel):
    """A weight file in a store: what was asked for, and the SHA-256 and size in bytes of its content."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: WeightFile
    sha256: str
    bytes: int

    @property
    def content(self) -> str:
        """The path of the content in the store."""
        return f"{FOLDER}/{self.sha256}/{PurePosixPath(self.file.path).name}"


def stored_weights(store: Store, weight: WeightFile) -> StoredWeights | None:
    """What the store holds of `weight`, or None; RequestError where its description is damaged."""
    path = _description(weight)
    if not store.exists(path):
        return None
    try:
        return StoredWeights.model_validate(store.read_json(path))
    except ValidationError as error:
        raise RequestError(
            f"{store.uri(path)} is damaged; delete it, and `codecgrid prefetch CONFIG` writes it again"
        ) from error


def put_weights(store: Store, weight: WeightFile, source: Path) -> bool:
    """Puts the file `source` into the store as `weight`; False where it is there already."""
    found = stored_weights(store, weight)
    if found is not None and store.exists(found.content):
        return False
    entry = StoredWeights(file=weight, sha256=file_digest(source), bytes=source.stat().st_size)
    if not store.exists(entry.content):
        with store.writing(entry.content) as temporary:
            temporary.unlink()
            _link_or_copy(source.resolve(), temporary)
    store.write_json(_description(weight), entry.model_dump(mode="json"))
    return True


def take_weights(store: Store, weight: WeightFile) -> Path | None:
    """`weight` on this machine, below a folder of its revision, if the store holds it; None if it does not.

    The first process that asks on a machine copies it from a remote root, or links to it below a local one, and checks
    its digest; the others wait. Raises RequestError for a content that does not have the digest of its description.
    """
    from filelock import FileLock

    entry = stored_weights(store, weight)
    if entry is None or not store.exists(entry.content):
        return None
    target = store.cache_path(f"{FOLDER}/by-revision/{weight.revision or 'main'}/{weight.path}")
    mark = target.with_name(f".{target.name}.sha256")
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_name(f".{target.name}.lock")):
        if not (target.exists() and mark.exists() and mark.read_text() == entry.sha256):
            content = _checked(store, entry)
            target.unlink(missing_ok=True)
            target.symlink_to(content)
            mark.write_text(entry.sha256)
    return target


def _checked(store: Store, entry: StoredWeights) -> Path:
    """The content as a local file with the recorded digest; copied anew once where this machine's copy has another."""
    for _ in range(2):
        content = store.local(entry.content)
        actual = file_digest(content)
        if actual == entry.sha256:
            return content
        store.forget(entry.content)
    raise RequestError(
        f"{store.uri(entry.content)} is damaged: its SHA-256 is {actual}; delete it, and `codecgrid prefetch CONFIG` "
        "puts it there again"
    )


def _description(weight: WeightFile) -> str:
    return f"{FOLDER}/{digest([weight.path, weight.source, weight.revision])}.json"


def _link_or_copy(source: Path, target: Path) -> None:
    """A second name of the file where the file system can give it one, else a copy: encoders take gigabytes."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
