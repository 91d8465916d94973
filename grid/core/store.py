"""The store of results: files under one root (a folder, s3://, gs://, memory://), written atomically, and locks."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grid.core.atomic_write import replacing
from grid.core.conditional_writes import ConditionalWrites, are_conditions_kept, conditional_writes
from grid.core.errors import RequestError
from grid.core.identity import Json
from grid.core.lease import Lease, check_leases, is_leased

if TYPE_CHECKING:
    from filelock import FileLock

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Store:
    """Files under one root, named by `/`-separated paths relative to it.

    A file is either complete or absent: on a local disk by write-then-rename, on an object store because a put is
    atomic there. Every file system that fsspec supports can hold the root.
    """

    root: str

    @classmethod
    def open(cls, root: str | Path) -> Store:
        """The store at `root`, a URI or a folder, made absolute because workers have other working directories."""
        text = str(root)
        if "://" not in text:
            text = str(Path(text).expanduser().absolute())
        return cls(text.rstrip("/") or "/")

    @property
    def is_local(self) -> bool:
        return "://" not in self.root

    @cached_property
    def _fs(self) -> Any:
        import fsspec

        try:
            # other processes write here too, so listings must not be cached
            return fsspec.core.url_to_fs(self.root, use_listings_cache=False)[0]
        except (ImportError, ValueError) as error:
            raise RequestError(f"cannot open the root {self.root!r}: {error}") from error

    def uri(self, path: str) -> str:
        """The full name of `path`: an absolute path on a local disk, else a URI."""
        return f"{self.root}/{path}" if path else self.root

    def exists(self, path: str) -> bool:
        """Whether there is a file or a folder at `path`."""
        return os.path.exists(self.uri(path)) if self.is_local else bool(self._fs.exists(self.uri(path)))

    def has_bucket(self) -> bool:
        """Whether the bucket of an object store is there; true for a store without buckets.

        Raises what its client raises where the store does not answer.
        """
        bucket = self._fs._strip_protocol(self.root).partition("/")[0]
        try:
            return not bucket or bool(self._fs.info(bucket))
        except FileNotFoundError:
            return False
        except PermissionError:  # who may use a folder of a bucket need not be allowed to see the bucket
            return True

    def names(self, path: str) -> list[str]:
        """The sorted names in the folder `path` without hidden ones; empty when there is no such folder."""
        if self.is_local:
            folder = Path(self.uri(path))
            names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        else:
            try:
                names = [entry.rstrip("/").rsplit("/", 1)[-1] for entry in self._fs.ls(self.uri(path), detail=False)]
            except FileNotFoundError:
                names = []
        return sorted(name for name in names if not name.startswith("."))

    def versions(self, folder: str) -> dict[str, str]:
        """Every file below a folder of an object store with the version it has, "" where the store tells none."""
        found = self._fs.find(self.uri(folder), detail=True)
        prefix = self._fs._strip_protocol(self.root)
        version = ("ETag", "generation")  # as s3fs and gcsfs name it
        return {
            name.removeprefix(prefix).lstrip("/"): next((str(file[key]) for key in version if key in file), "")
            for name, file in found.items()
        }

    def sizes(self, folder: str) -> dict[str, int]:
        """The size in bytes of every file below a folder, by its path."""
        if not self.is_local:
            found = self._fs.find(self.uri(folder), detail=True)
            prefix = self._fs._strip_protocol(self.root)
            return {name.removeprefix(prefix).lstrip("/"): int(file["size"] or 0) for name, file in found.items()}
        sizes = {}
        for place, _, names in os.walk(self.uri(folder)):
            for name in names:
                path = os.path.join(place, name)
                with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                    sizes[os.path.relpath(path, self.root)] = os.lstat(path).st_size
        return sizes

    def read_all(self, paths: Sequence[str]) -> dict[str, bytes]:
        """The content of many files of an object store, read in parallel; one that is gone meanwhile is left out."""
        if not paths:
            return {}
        names = {self._fs._strip_protocol(self.uri(path)): path for path in paths}
        # small files: without asking for the size first, as s3fs does to read the parts of one file in parallel
        found = self._fs.cat(list(names), on_error="return", max_concurrency=1)
        for content in found.values():
            if isinstance(content, Exception) and not isinstance(content, FileNotFoundError):
                raise content
        return {names[name]: content for name, content in found.items() if isinstance(content, bytes)}

    def read_bytes(self, path: str) -> bytes:
        return Path(self.uri(path)).read_bytes() if self.is_local else self._fs.cat_file(self.uri(path))

    def read_json(self, path: str) -> Any:
        """The parsed JSON file `path`; raises FileNotFoundError when absent and RequestError when it is damaged."""
        try:
            return json.loads(self.read_bytes(path))
        except ValueError as error:  # no JSON, or no UTF-8
            raise RequestError(f"{self.uri(path)} is damaged ({error}); delete it and run again") from error

    def write_bytes(self, path: str, data: bytes) -> None:
        with self.writing(path) as temporary:
            temporary.write_bytes(data)

    def write_json(self, path: str, value: Json | dict[str, Any] | list[dict[str, Any]]) -> None:
        """Writes `value` as readable JSON; NaN and infinity are refused because they are not JSON."""
        self.write_bytes(path, (json.dumps(value, indent=1, allow_nan=False) + "\n").encode())

    @contextlib.contextmanager
    def writing(self, path: str) -> Iterator[Path]:
        """A temporary local file that becomes `path` when the block ends and is deleted when the block raises."""
        if self.is_local:
            with replacing(self.uri(path)) as temporary:
                temporary.touch()
                yield temporary
            return
        with tempfile.TemporaryDirectory(prefix="codecgrid-") as folder:
            temporary = Path(folder) / Path(path).name
            temporary.touch()
            yield temporary
            check_leases(self.root)
            self._fs.put_file(str(temporary), self.uri(path))

    def local(self, path: str) -> Path:
        """`path` as a local file; a remote file is copied to the cache of this machine, and again after it changed."""
        if self.is_local:
            return Path(self.uri(path))
        cached = self.cache_path(path)
        mark, version = cached.with_name(f".{cached.name}.version"), self._fs.ukey(self.uri(path))
        if not (cached.exists() and mark.exists() and mark.read_text() == version):
            with replacing(cached, flush=False) as partial:
                self._fs.get_file(self.uri(path), str(partial))
            mark.write_text(version)
        return cached

    def forget(self, path: str) -> None:
        """Deletes this machine's copy of a remote file, so that `local` copies it anew."""
        if not self.is_local:
            self.cache_path(path).unlink(missing_ok=True)

    def cache_path(self, path: str) -> Path:
        """Where this machine keeps its copy of a remote file."""
        return cache_folder() / hashlib.sha256(self.root.encode()).hexdigest()[:16] / path

    def remove(self, path: str) -> None:
        """Deletes a file, or a folder with its contents; does nothing when it is absent.

        On a local disk a folder is gone in one step. On an object store, where a folder is only a prefix, what others
        write below it meanwhile stays.
        """
        if self.is_local:
            _remove_local(Path(self.uri(path)))
            return
        check_leases(self.root)
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(self.uri(path))
        below = self._fs.find(self.uri(path))
        if below:
            self._fs.rm(below)
            # s3fs reports no object that the server refused to delete
            if left := set(below) & set(self._fs.find(self.uri(path))):
                raise OSError(f"{len(left)} objects could not be deleted, such as {min(left)}")

    def lock(
        self, path: str, *, timeout: float, on_lost: Callable[[], None] | None = None
    ) -> FileLock | Lease | contextlib.nullcontext[None]:
        """A lock that ends with its process, also by kill -9; raises filelock.Timeout while another process holds it.

        On a local disk the operating system releases it. On an object store it is a `Lease`: see there for `timeout`
        and `on_lost`; a process that lost one gets LeaseLostError from its next write. An object store that has no
        conditional writes gives no lock, with a warning.
        """
        if not self.is_local:
            if self._lease_writes is None:
                return contextlib.nullcontext()
            return Lease(self._lease_writes, self.uri(path), timeout=timeout, on_lost=on_lost)
        from filelock import FileLock

        target = Path(self.uri(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(str(target), timeout=timeout)

    def is_locked(self, path: str) -> bool | None:
        """Whether a process holds the lock `path`; None where it was never locked, or cannot be."""
        if not self.is_local:
            writes = conditional_writes(self._fs)
            return None if writes is None else is_leased(writes, self.uri(path))
        from filelock import Timeout

        try:
            with self.lock(path, timeout=0):
                return False
        except Timeout:
            return True

    @cached_property
    def _lease_writes(self) -> ConditionalWrites | None:
        """The conditional writes of an object store; None, with a warning, where it has none or ignores conditions."""
        writes = conditional_writes(self._fs)
        if writes is not None and are_conditions_kept(writes, self.root):
            return writes
        log.warning(
            "%s has no conditional writes, and so no locks: do not start two runs on it at the same time", self.root
        )
        return None


def _remove_local(path: Path) -> None:
    """Deletes what is at `path`, also when another process deletes it at the same time."""
    import shutil

    with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # the latter below what is a file
        try:
            path.unlink()
        except (IsADirectoryError, PermissionError) as error:
            if isinstance(error, PermissionError) and not path.is_dir():
                raise
            doomed = path.with_name(f".{uuid.uuid4().hex}.{path.name}")
            path.rename(doomed)
            shutil.rmtree(doomed)


def cache_folder() -> Path:
    """The folder of what this machine keeps to be faster, and may lose: $CODECGRID_CACHE, or ~/.cache/codecgrid."""
    return Path(os.environ.get("CODECGRID_CACHE", Path.home() / ".cache" / "codecgrid"))
