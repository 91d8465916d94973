"""Where a corpus lies: in a folder of this machine, or on a bucket or a hub by a path of fsspec such as `s3://...`.

Readers work on folders. A corpus elsewhere is shown to them as an outline: a folder of this machine with its protocols
and Parquet files, in which each audio file is an empty file of that name. Audio is read from its own place. Tested in
memory and on an S3 server; `gs://` and `hf://` are not run.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from grid.core.errors import RequestError, one_line
from grid.corpus.audio import MISSING, UNREADABLE, UnusableAudioError, file_content

AUDIO = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".aif", ".aiff", ".m4a", ".aac", ".au", ".w64", ".caf", ".raw"}
LARGEST_PROTOCOL = 2**30
"""Bytes; larger files but Parquet are archives, of which an outline has the name alone."""


def is_uri(path: str) -> bool:
    """Whether `path` names a place by a protocol of fsspec."""
    return "://" in path


@dataclass(frozen=True)
class Outline:
    """A corpus as readers see it: what was asked for is at `path`; `folder` stands for the remote folder `uri`."""

    path: Path
    folder: Path
    uri: str

    def audio_root(self, root: Path) -> str:
        """The place of audio whose paths are relative to the folder `root` of a reader's corpus."""
        if not self.uri or not root.is_relative_to(self.folder):
            return str(root)
        inside = root.relative_to(self.folder).as_posix()
        return self.uri if inside == "." else f"{self.uri}/{inside}"


@contextmanager
def outlined(location: str | Path) -> Iterator[Outline]:
    """The corpus at `location` as readers see it; a local one as it is, of a remote one an outline for the block."""
    if not is_uri(str(location)):
        path = Path(location)
        yield Outline(path, path if path.is_dir() else path.parent, "")
        return
    folder = Path(tempfile.mkdtemp(prefix="codecgrid-corpus-")).resolve()
    try:
        yield _outline(str(location).rstrip("/"), folder)
    finally:
        shutil.rmtree(folder)


def content_in_place(audio_root: str, path: str) -> bytes:
    """The bytes of the file `path` below `audio_root`; UnusableAudioError where it is missing or cannot be read."""
    if not is_uri(audio_root):
        return file_content(Path(audio_root, path))
    place = f"{audio_root}/{path}"
    try:
        content: bytes = _file_system(audio_root).cat_file(place)
    except FileNotFoundError as error:
        raise UnusableAudioError(place, MISSING, "no such file") from error
    except Exception as error:  # the clients of buckets and of the hub raise errors of their own
        raise UnusableAudioError(place, UNREADABLE, one_line(error, first=True)) from error
    return content


def _outline(uri: str, folder: Path) -> Outline:
    files = _file_system(uri)
    try:
        is_file = files.isfile(uri)
        base = uri.rpartition("/")[0] if is_file else uri
        listed = files.find(base, detail=True)
    except Exception as error:  # the clients of buckets and of the hub raise errors of their own
        raise RequestError(f"{uri} cannot be read: {one_line(error, first=True)}") from error
    if not listed:
        raise RequestError(f"{uri}: there is nothing")
    start = files._strip_protocol(base).rstrip("/")
    for name, facts in listed.items():
        target = folder / PurePosixPath(name).relative_to(start)
        target.parent.mkdir(parents=True, exist_ok=True)
        if _is_protocol(target, facts):
            files.get_file(name, str(target))
        else:
            target.touch()
    return Outline(folder / uri.rpartition("/")[2] if is_file else folder, folder, base)


def _is_protocol(file: Path, facts: dict[str, Any]) -> bool:
    suffix = file.suffix.lower()
    return suffix == ".parquet" or (suffix not in AUDIO and (facts.get("size") or 0) <= LARGEST_PROTOCOL)


def _file_system(uri: str) -> Any:
    import fsspec

    try:
        return fsspec.core.url_to_fs(uri)[0]
    except (ImportError, ValueError) as error:
        raise RequestError(f"cannot open {uri}: {one_line(error, kind=False)}") from error
