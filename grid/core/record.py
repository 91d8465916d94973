"""Records of finished and failed steps: `record.json`, written last, marks a folder as done; `failure.json` a failure.

A record holds the identity of the step, the SHA-256 of each output, small results and the provenance of the process.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from grid.core.errors import RequestError, failure_kind, one_line
from grid.core.identity import difference, file_digest, plain
from grid.core.store import Store

SCHEMA = 1
RECORD = "record.json"
FAILURE = "failure.json"


class Provenance(BaseModel):
    """The process that made the outputs, for people to read; never part of an identity."""

    model_config = ConfigDict(frozen=True)

    commit: str = Field(description="git commit of the code, with `+changes` when the tree was not clean")
    command: list[str]
    host: str
    finished: str = Field(description="UTC time, ISO 8601")
    versions: dict[str, str]


class Record(BaseModel):
    """A finished step: its `identity`, its `outputs` (file name: SHA-256), and small `results` such as counts.

    `sha256` is the digest of all else in the record, "" in records of an earlier version, which are read unverified.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: int = Field(default=SCHEMA, alias="schema")
    kind: str
    identity: dict[str, Any]
    outputs: dict[str, str]
    results: dict[str, Any]
    provenance: Provenance
    sha256: str = ""


def finish(
    store: Store,
    folder: str,
    *,
    kind: str,
    identity: Any,
    outputs: list[str],
    results: dict[str, Any],
    digests: Mapping[str, str] | None = None,
) -> Record:
    """Marks the step in `folder` as done: hashes `outputs` (names inside the folder), then writes the record.

    `digests` holds the SHA-256 of outputs that were hashed when they were written; those are not read again.
    """
    hashed = digests or {}
    record = Record(
        kind=kind,
        identity=plain(identity),  # type: ignore[arg-type]  # an identity is a mapping
        outputs={name: hashed.get(name) or output_digest(store, f"{folder}/{name}") for name in sorted(outputs)},
        results=results,
        provenance=provenance(),
    )
    as_read = json.loads(record.model_dump_json(by_alias=True))  # keys are strings, tuples are lists
    record = record.model_copy(update={"sha256": _own_digest(as_read)})
    store.write_json(f"{folder}/{RECORD}", record.model_dump(by_alias=True))
    return record


def _own_digest(content: dict[str, Any]) -> str:
    """The SHA-256 of a record, as it is read from its JSON, without its field `sha256`."""
    rest = {key: value for key, value in content.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def output_digest(store: Store, path: str) -> str:
    """The SHA-256 of a file of the store."""
    if store.is_local:
        return file_digest(store.uri(path))
    return hashlib.sha256(store.read_bytes(path)).hexdigest()


def read_record(store: Store, folder: str) -> Record | None:
    """The record of `folder`, or None while the step is not done; RequestError for another schema or a damaged file."""
    path = f"{folder}/{RECORD}"
    if not store.exists(path):
        return None
    value = store.read_json(path)
    schema = value.get("schema") if isinstance(value, dict) else None
    if schema != SCHEMA:
        raise RequestError(
            f"{store.uri(path)} has schema {schema!r}, this version reads {SCHEMA}; {how_to_mend(store, folder)}"
        )
    try:
        record = Record.model_validate(value)
    except ValidationError as error:
        raise RequestError(f"{store.uri(path)} is damaged; {how_to_mend(store, folder)}") from error
    if record.sha256 and record.sha256 != _own_digest(value):
        raise RequestError(f"{store.uri(path)} is damaged; {how_to_mend(store, folder)}")
    return record


def is_finished(store: Store, folder: str) -> bool:
    """Whether the step in `folder` has a record, which is not read: `read_record` also finds one that is damaged."""
    return store.exists(f"{folder}/{RECORD}")


def how_to_mend(store: Store, path: str) -> str:
    """The advice of an error about damage: to delete `path`, a whole step or one of its files, and run again."""
    return (
        f"delete {store.uri(path)} and run again (`codecgrid verify --root {store.root} --repair` deletes it for you)"
    )


def local_output(store: Store, folder: str, record: Record, name: str) -> Path:
    """An output of a finished step as a local file with the recorded SHA-256; RequestError when it has another one."""
    path = f"{folder}/{name}"
    if store.exists(path) and not store.is_local and file_digest(store.local(path)) != record.outputs[name]:
        store.forget(path)  # only the copy of this machine may be damaged
    _check_output(store, path, folder, record.outputs[name], lambda: file_digest(store.local(path)))
    return store.local(path)


def check_outputs(store: Store, folder: str, record: Record) -> None:
    """Raises RequestError when an output of a finished step is missing or differs from its recorded SHA-256."""
    for name, expected in record.outputs.items():
        path = f"{folder}/{name}"
        _check_output(store, path, folder, expected, partial(output_digest, store, path))


def _check_output(store: Store, path: str, folder: str, expected: str, digest_now: Callable[[], str]) -> None:
    if not store.exists(path):
        raise RequestError(f"{store.uri(path)} is missing; {how_to_mend(store, folder)}")
    actual = digest_now()
    if actual != expected:
        raise RequestError(
            f"{store.uri(path)} changed after it was written (SHA-256 {actual[:12]}, recorded {expected[:12]}); "
            f"{how_to_mend(store, folder)}"
        )


def check_identity(store: Store, folder: str, record: Record, identity: Any) -> None:
    """Raises RequestError, listing up to 8 fields that differ, when the record's identity is not `identity`."""
    lines = difference(record.identity, identity)
    if lines:
        raise RequestError(
            f"{store.uri(folder)} was made from another request: {'; '.join(lines[:8])}; {how_to_mend(store, folder)}"
        )


def provenance() -> Provenance:
    """The provenance of this process, now."""
    return Provenance(
        commit=commit(),
        command=[Path(sys.argv[0]).name, *sys.argv[1:]],
        host=platform.node(),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=_versions(),
    )


@cache
def commit() -> str:
    """The git commit of this code, with `+changes` when tracked files differ.

    Outside a checkout the variable CODECGRID_COMMIT, else `unknown`.
    """
    folder = Path(__file__).parent

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()

    try:
        head = git("rev-parse", "HEAD")
        return f"{head}+changes" if git("status", "--porcelain", "--untracked-files=no") else head
    except (OSError, subprocess.SubprocessError):
        return os.environ.get("CODECGRID_COMMIT", "unknown")


@cache
def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in ("torch", "ray", "mlflow", "numpy", "soundfile", "soxr"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def keep_failure(store: Store, folder: str, error: BaseException, trace: str) -> None:
    """Writes `folder`/failure.json: the first line of the error, its kind, its traceback and the time (UTC, ISO 8601).

    The next attempt at the step removes the file.
    """
    time = datetime.now(UTC).isoformat(timespec="seconds")
    reason = {"error": one_line(error, first=True), "kind": failure_kind(error), "trace": trace, "time": time}
    store.write_json(f"{folder}/{FAILURE}", reason)
