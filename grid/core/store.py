"""The store of results: files under one root (a folder, s3://, gs://, memory://), written atomically, and locks."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grid.core.atomic_write import replacing
from grid.core.errors import RequestError
from grid.core.identity import Json

if TYPE_CHECKING:
    from filelock import FileLock


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
            self._fs.put_file(str(temporary), self.uri(path))

    def local(self, path: str) -> Path:
        """`path` as a local file; a remote file is copied to the cache of this machine, and again after it changed."""
        if self.is_local:
            return Path(self.uri(path))
        cached = self._cached(path)
        mark, version = cached.with_name(f".{cached.name}.version"), self._fs.ukey(self.uri(path))
        if not (cached.exists() and mark.exists() and mark.read_text() == version):
            with replacing(cached, flush=False) as partial:
                self._fs.get_file(self.uri(path), str(partial))
            mark.write_text(version)
        return cached

    def forget(self, path: str) -> None:
        """Deletes this machine's copy of a remote file, so that `local` copies it anew."""
        if not self.is_local:
            self._cached(path).unlink(missing_ok=True)

    def _cached(self, path: str) -> Path:
        return _cache_folder() / hashlib.sha256(self.root.encode()).hexdigest()[:16] / path

    def remove(self, path: str) -> None:
        """Deletes a file, or a folder with its contents; does nothing when it is absent."""
        if self.is_local:
            _remove_local(Path(self.uri(path)))
        else:
            with contextlib.suppress(FileNotFoundError):
                self._fs.rm(self.uri(path), recursive=True)

    def lock(self, path: str, *, timeout: float) -> FileLock | contextlib.nullcontext[None]:
        """A lock that the operating system releases when its process ends, also by kill -9.

        Object stores have no locks: there the user must start only one driver per root (cluster/README.md).
        """
        if not self.is_local:
            return contextlib.nullcontext()
        from filelock import FileLock

        target = Path(self.uri(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(str(target), timeout=timeout)


def _remove_local(path: Path) -> None:
    """Deletes what is at `path`, also when another process deletes it, or parts of it, at the same time."""
    import shutil

    def unless_absent(function: object, name: str, raised: Any) -> None:
        if not isinstance(raised[1], FileNotFoundError):
            raise raised[1]

    if path.is_dir():
        shutil.rmtree(path, onerror=unless_absent)
    else:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # the latter below what is a file
            path.unlink()


def _cache_folder() -> Path:
    return Path(os.environ.get("CODECGRID_CACHE", Path.home() / ".cache" / "codecgrid"))
