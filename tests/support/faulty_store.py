"""A file system in memory that fails when it is told to: for tests of what a fault of an object store leaves behind.

It takes the place of fsspec's `memory://`, so that the store, its leases and its cache work on it as they are.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem

COUNTED = (
    *("exists", "ls", "find", "ukey", "modified"),
    *("cat_file", "get_file", "put_file", "pipe_file", "rm", "rm_file"),
)
"""What the store and its leases call; calls among each other do not count."""
LISTINGS = ("ls", "find")
_COUNTING = threading.Lock()


class StoreFaultError(OSError):
    """The object store did not do what was asked, or its answer was lost."""


@dataclass
class Faults:
    """Decides for each operation, by its number from 1 on, whether it fails `before` it is done, or `after`, or not."""

    decide: Callable[[int], str] = lambda number: ""
    done: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def next(self, operation: str) -> str:
        with _COUNTING:  # audio is read by several threads
            self.done.append(operation)
            return self.decide(len(self.done))


def fail_at(number: int, when: str) -> Faults:
    """Only the operation of this number fails."""
    return Faults(lambda now: when if now == number else "")


def fail_at_random(share: float, seed: int) -> Faults:
    """A share of the operations fails, half of them after they were done."""
    draw = random.Random(seed)
    return Faults(lambda now: draw.choice(("before", "after")) if draw.random() < share else "")


class FaultyFileSystem(MemoryFileSystem):
    """Its faults are class attributes, like the files of its base, because fsspec makes its instances."""

    cachable = False
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    faults = Faults()
    lag = 0
    """Listings do not have the last `lag` files that were written."""
    _inside = threading.local()


def _counted(name: str) -> Callable[..., Any]:
    def operation(self: FaultyFileSystem, *arguments: Any, **named: Any) -> Any:
        whole = getattr(super(FaultyFileSystem, self), name)
        inside = FaultyFileSystem._inside
        if getattr(inside, "operation", False):
            return whole(*arguments, **named)
        inside.operation = True
        try:
            return _with_fault(name, arguments, lambda: whole(*arguments, **named))
        finally:
            inside.operation = False

    return operation


def _with_fault(name: str, arguments: tuple[Any, ...], do: Callable[[], Any]) -> Any:
    faults = FaultyFileSystem.faults
    when = faults.next(f"{name} {arguments[-1] if arguments else ''}")
    if when == "before":
        _fail(name, arguments, when)
    if when == "after":
        with suppress(FileNotFoundError):  # to delete what is not there
            do()
        _fail(name, arguments, when)
    result = do()
    if name in LISTINGS and FaultyFileSystem.lag:
        late = set(list(FaultyFileSystem.store)[-FaultyFileSystem.lag :])
        result = [path for path in result if path not in late] if isinstance(result, list) else result
    return result


def _fail(name: str, arguments: tuple[Any, ...], when: str) -> None:
    said = f"{when} {name} of {arguments[-1] if arguments else ''}"
    FaultyFileSystem.faults.failed.append(said)
    raise StoreFaultError(f"injected fault {said}")


for _name in COUNTED:
    setattr(FaultyFileSystem, _name, _counted(_name))


@contextmanager
def faulty_memory() -> Iterator[type[FaultyFileSystem]]:
    """Makes `memory://` faulty while the block runs, and empty at its begin and its end."""
    fsspec.register_implementation("memory", FaultyFileSystem, clobber=True)
    _restore({}, Faults())
    try:
        yield FaultyFileSystem
    finally:
        fsspec.register_implementation("memory", MemoryFileSystem, clobber=True)
        _restore({}, Faults())


def _restore(files: dict[str, Any], faults: Faults) -> None:
    FaultyFileSystem.store = dict(files)
    FaultyFileSystem.pseudo_dirs = [""]
    FaultyFileSystem.faults = faults
    FaultyFileSystem.lag = 0


def begin(files: dict[str, Any], faults: Faults) -> Faults:
    """Puts the file system to the state `files`, a copy of its attribute `store`, and sets its faults."""
    _restore(files, faults)
    return faults
