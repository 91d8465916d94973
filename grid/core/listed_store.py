"""A view of an object store that is listed once and read in parallel: for commands that look at many small files.

A request to an object store takes some 10 to 100 ms, so that asking for each file of each cell would take minutes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from grid.core.atomic_write import replacing
from grid.core.record import RECORD
from grid.core.store import Store


@dataclass(frozen=True)
class ListedStore(Store):
    """A store whose `folder` is as it was when it was listed: `contents` has the files that were read then.

    `listing` are the paths of all its files with their versions. Outside of the folder it is like any other store.
    """

    folder: str = ""
    listing: Mapping[str, str] = field(default_factory=dict)
    contents: Mapping[str, bytes] = field(default_factory=dict)

    @cached_property
    def _folders(self) -> frozenset[str]:
        """Every folder that holds a file."""
        return frozenset(path[:end] for path in self.listing for end, letter in enumerate(path) if letter == "/")

    def exists(self, path: str) -> bool:
        if not path.startswith(f"{self.folder}/"):
            return super().exists(path)
        return path in self.listing or path in self._folders

    def read_bytes(self, path: str) -> bytes:
        found = self.contents.get(path)
        return super().read_bytes(path) if found is None else found


def list_once(store: Store, folder: str, wanted: Callable[[str], bool]) -> ListedStore | Store:
    """`store` with its `folder` listed and the files that are `wanted`, by their path, read; a local one as it is.

    The files of a finished step do not change: those are read from this machine's cache while their version is still
    that of the listing.
    """
    if store.is_local:
        return store
    listing = store.versions(folder)
    paths = [path for path in listing if wanted(path)]
    finished = {path.rpartition("/")[0] for path in listing if path.endswith(f"/{RECORD}")}
    final = [path for path in paths if listing[path] and path.rpartition("/")[0] in finished]
    kept = {path: store.cache_path(_cache_name(path, listing[path])) for path in final}
    contents = {path: file.read_bytes() for path, file in kept.items() if file.is_file()}
    read = store.read_all([path for path in paths if path not in contents])
    for path in read.keys() & kept.keys():
        with replacing(kept[path], flush=False) as file:
            file.write_bytes(read[path])
    return ListedStore(store.root, folder, listing, contents | read)


def _cache_name(path: str, version: str) -> str:
    return f".versions/{hashlib.sha256(f'{path} {version}'.encode()).hexdigest()}"
