"""Writes to an object store that happen only while nobody else has written: the one thing a lease is built on.

S3 has them as `If-None-Match: *` and `If-Match` of PutObject, Google Cloud Storage as `ifGenerationMatch`. fsspec knows
only the first kind (its mode `create`), and does not give the version that a write made; hence the calls below it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import quote

REFUSED = (404, 409, 412)
"""The HTTP statuses of a refused condition: the object is gone, is being written by another, or has another version."""


@dataclass(frozen=True)
class StoredObject:
    """An object as it was read: its bytes, its version, and its age in seconds by the store's own clock."""

    data: bytes
    version: str
    age: float


class ConditionalWrites(Protocol):
    """A file system with conditional writes. Errors of the connection are raised, and then nobody knows the outcome."""

    def read(self, path: str) -> StoredObject | None:
        """The object at the URI `path`, or None when there is none."""

    def write(self, path: str, data: bytes, version: str | None) -> str | None:
        """Writes the object if it still has `version` (None: if there is none); its new version, or None if refused."""


def conditional_writes(fs: Any) -> ConditionalWrites | None:
    """The conditional writes of an fsspec file system; None where it has none that are known here."""
    kinds: dict[str, Callable[[Any], ConditionalWrites]] = {"s3": S3Writes, "gs": GoogleWrites, "memory": MemoryWrites}
    protocols = (fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol
    return next((kinds[name](fs) for name in protocols if name in kinds), None)


def are_conditions_kept(writes: ConditionalWrites, folder: str) -> bool:
    """Whether the store obeys the conditions, tried on an object of its own below `folder`: a URI, without a slash.

    Some servers that speak S3 accept the headers and ignore them. The object stays there.
    """
    probe = f"{folder}/.conditional-write-probe"
    before = writes.read(probe)
    try:
        first = writes.write(probe, _unlike_any_other(), before.version if before is not None else None)
        second = writes.write(probe, _unlike_any_other(), first) if first is not None else None
        if first is None or second is None:  # refused, for another process tries it at this moment
            return True
        return all(writes.write(probe, _unlike_any_other(), version) is None for version in (None, first))
    except OSError as error:
        if error.errno == errno.ENOSYS:  # NotImplemented, says the server
            return False
        raise


def _unlike_any_other() -> bytes:
    """An S3 server's version of an object may be the digest of its bytes."""
    return uuid.uuid4().hex.encode()


@dataclass(frozen=True)
class S3Writes:
    """Those of `s3fs.S3FileSystem`."""

    fs: Any

    def read(self, path: str) -> StoredObject | None:
        from fsspec.asyn import sync

        try:
            data, answer = sync(self.fs.loop, self._get, path)
        except FileNotFoundError:
            return None
        now = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        return StoredObject(data, answer["ETag"], _seconds_between(answer["LastModified"], now))

    async def _get(self, path: str) -> tuple[bytes, dict[str, Any]]:
        bucket, key, _ = self.fs.split_path(path)
        answer = await self.fs._call_s3("get_object", Bucket=bucket, Key=key)
        async with answer["Body"] as body:
            return await body.read(), answer

    def write(self, path: str, data: bytes, version: str | None) -> str | None:
        bucket, key, _ = self.fs.split_path(path)
        condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
        try:
            answer = self.fs.call_s3("put_object", Bucket=bucket, Key=key, Body=data, **condition)
        except Exception as error:  # s3fs makes an OSError of botocore's, with the status in its cause
            response = getattr(error.__cause__, "response", {})
            if response.get("Error", {}).get("Code") != "NoSuchBucket" and _status(response) in REFUSED:
                return None
            raise
        return str(answer["ETag"])


def _status(response: dict[str, Any]) -> int:
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


@dataclass(frozen=True)
class GoogleWrites:
    """Those of `gcsfs.GCSFileSystem`, through the JSON API of Cloud Storage; a version is a generation."""

    fs: Any

    def read(self, path: str) -> StoredObject | None:
        bucket, key, _ = self.fs.split_path(path)
        try:
            headers, data = self.fs.call("GET", "b/{}/o/{}", bucket, key, alt="media")
        except FileNotFoundError:
            return None
        written = parsedate_to_datetime(headers["Last-Modified"])
        return StoredObject(data, headers["X-Goog-Generation"], _seconds_between(written, headers.get("Date")))

    def write(self, path: str, data: bytes, version: str | None) -> str | None:
        bucket, key, _ = self.fs.split_path(path)
        uploads = self.fs.base.replace("/storage/v1/", "/upload/storage/v1/")
        # in parts, as gcsfs itself uploads: servers that stand in for Google's keep the condition there alone
        query = {"uploadType": "multipart", "ifGenerationMatch": version or "0"}
        body, headers = _parts(json.dumps({"name": key}).encode(), data)
        url = f"{uploads}b/{quote(bucket)}/o"
        try:
            answer = self.fs.call("POST", url, data=body, headers=headers, json_out=True, **query)
        except FileExistsError:  # what gcsfs makes of 412
            return None
        except Exception as error:  # gcsfs raises its own HttpError for the others
            if getattr(error, "code", None) in REFUSED[1:]:
                return None
            raise
        return str(answer["generation"])


def _parts(metadata: bytes, data: bytes) -> tuple[bytes, dict[str, str]]:
    """The body of an upload in two parts, the JSON of the object's metadata and its bytes; and the header for it."""
    boundary = uuid.uuid4().hex.encode()
    kinds = {b"application/json": metadata, b"application/octet-stream": data}
    parts = [b"--%b\r\nContent-Type: %b\r\n\r\n%b\r\n" % (boundary, kind, part) for kind, part in kinds.items()]
    header = {"Content-Type": f'multipart/related; boundary="{boundary.decode()}"'}
    return b"".join([*parts, b"--%b--\r\n" % boundary]), header


_MEMORY = threading.Lock()


@dataclass(frozen=True)
class MemoryWrites:
    """Those of fsspec's `MemoryFileSystem`, which only the threads of this process share."""

    fs: Any

    def read(self, path: str) -> StoredObject | None:
        try:
            data = self.fs.cat_file(path)
            return StoredObject(data, _sha256(data), (datetime.now(UTC) - self.fs.modified(path)).total_seconds())
        except FileNotFoundError:
            return None

    def write(self, path: str, data: bytes, version: str | None) -> str | None:
        with _MEMORY:
            found = self.read(path)
            if (found.version if found else None) != version:
                return None
            self.fs.pipe_file(path, data)
            return _sha256(data)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _seconds_between(written: datetime, now: str | None) -> float:
    """The seconds from `written` to the store's `Date` header, or to this machine's time when it sent none."""
    return ((parsedate_to_datetime(now) if now else datetime.now(UTC)) - written).total_seconds()
