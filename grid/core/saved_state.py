"""The saved state of a training: one torch file that ends with the SHA-256 of all before it.

State and digest are one file, so no crash can leave a state with the digest of another one.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any, ClassVar

from grid.core.errors import FailureKind, one_line
from grid.core.identity import file_digest
from grid.core.store import Store

SEAL = b"\nSHA-256:"
"""What stands between the state and the 64 hexadecimal digits of its digest."""
SEAL_LENGTH = len(SEAL) + 64


class DamagedStateError(ValueError):
    """A saved state that is not what was saved; the message names the file and says why."""

    failure_kind: ClassVar[FailureKind] = "data"


def save_state_file(store: Store, path: str, state: dict[str, Any]) -> None:
    """Replaces the file `path` atomically: a process that is killed meanwhile leaves the old or the new one, whole."""
    import torch

    with store.writing(path) as temporary:
        torch.save(state, temporary)
        _append_digest(temporary)


def load_state_file(store: Store, path: str) -> dict[str, Any] | None:
    """The saved state on the CPU, or None when there is none; DamagedStateError for other bytes than were saved.

    A state without a digest, from an earlier version, counts as damaged: nothing tells whether it is whole. OSError of
    the store is raised, because it may pass.
    """
    import torch

    if not store.exists(path):
        return None
    # read whole, not through the cache of this machine: this file changes
    content = state_bytes(store.read_bytes(path), store.uri(path))
    try:
        state: dict[str, Any] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # what torch raises depends on the bytes, and on its version
        raise DamagedStateError(f"{store.uri(path)} is damaged ({one_line(error, first=True)})") from error
    return state


def state_bytes(data: bytes, name: str) -> memoryview:
    """The bytes of a state file without its digest, once that was compared; DamagedStateError, with `name`, else."""
    content, seal = memoryview(data)[:-SEAL_LENGTH], data[-SEAL_LENGTH:]
    if not seal.startswith(SEAL):
        raise DamagedStateError(f"{name} is damaged (it does not end with its SHA-256)")
    if hashlib.sha256(content).hexdigest().encode() != seal.removeprefix(SEAL):
        raise DamagedStateError(f"{name} is damaged (its SHA-256 is not that of its content)")
    return content


def _append_digest(path: Path) -> None:
    digest = file_digest(path)
    with path.open("ab") as stream:
        stream.write(SEAL + digest.encode())
