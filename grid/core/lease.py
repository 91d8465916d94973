"""A lease: the lock of an object store. One process holds it while it renews it, and another takes it over afterwards.

The lease is one small JSON object. Every change of it is a conditional write (`grid.core.conditional_writes`), so that
of two processes that want it at the same moment one is refused. It is never deleted: a released one says so.
"""

from __future__ import annotations

import logging
import os
import platform
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import ClassVar

from filelock import Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from grid.core.conditional_writes import ConditionalWrites, StoredObject
from grid.core.errors import FailureKind, one_line

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LeaseTimes:
    """In seconds: a holder renews its lease every `renewal`; one that was not renewed for `expiry` is free to others.

    `expiry` is long, because a holder may be stopped for a while by its machine; `poll` is between two looks of a
    process that waits.
    """

    renewal: float = 15.0
    expiry: float = 120.0
    poll: float = 0.5


TIMES = LeaseTimes()
RELEASE_ATTEMPTS = 3


class LeaseHeldError(Timeout):
    """Another process holds the lease."""

    def __init__(self, path: str, holder: str) -> None:
        super().__init__(path)
        self.holder = holder

    def __str__(self) -> str:
        return f"{self.lock_file} is held by {self.holder}"


class LeaseLostError(RuntimeError):
    """This process held the lease and another one took it over; nothing more may be written to the store."""

    failure_kind: ClassVar[FailureKind] = "infrastructure"


class Holding(BaseModel):
    """The content of a lease: which process holds it, told apart by `token`, and how often it was renewed.

    `machine` tells machines apart that share a name, so that a process of this machine that ended is known at once.
    """

    model_config = ConfigDict(frozen=True)

    token: str
    host: str
    machine: str
    pid: int
    process_start: str
    since: str
    renewals: int = 0
    released: bool = False

    @classmethod
    def of_this_process(cls) -> Holding:
        pid = os.getpid()
        return cls(
            token=uuid.uuid4().hex,
            host=platform.node(),
            machine=_machine(),
            pid=pid,
            process_start=_process_start(pid) or "",
            since=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def has_ended(self) -> bool:
        """Whether the holder is known to have ended: only of a process of this machine can that be known."""
        return bool(self.machine) and self.machine == _machine() and _process_start(self.pid) != self.process_start

    def is_alive(self) -> bool:
        """Whether the holder is known to run: only of a process of this machine can that be known."""
        return bool(self.machine) and self.machine == _machine() and not self.has_ended()


@cache
def _machine() -> str:
    """What two machines, or two containers, never share; "" where the system does not tell (only Linux does)."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{platform.node()}/{boot}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _process_start(pid: int) -> str | None:
    """When a process of this machine started, in the kernel's ticks; None when it does not run (or is a zombie)."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else rest[18]


class Lease:
    """A lease on the object `path` (a URI); a context manager that holds it, renewed by a thread of its own.

    Entering waits up to `timeout` seconds for a holder that shows life, and longer for a silent one, until it renews
    its lease or the lease expires; with `timeout` 0 it does not wait. Raises LeaseHeldError. `on_lost` is called, from
    another thread, when another process has taken the lease over; from then on `check` raises.
    """

    def __init__(
        self,
        writes: ConditionalWrites,
        path: str,
        *,
        timeout: float,
        on_lost: Callable[[], None] | None = None,
        times: LeaseTimes = TIMES,
    ) -> None:
        self.path = path
        self._writes, self._timeout, self._on_lost, self._times = writes, timeout, on_lost, times
        self._holding = Holding.of_this_process()
        self._version: str | None = None
        self._renewed = 0.0
        self._lost = ""
        self._one_at_a_time = threading.RLock()
        self._ending = threading.Event()

    def __enter__(self) -> Lease:
        deadline, first_seen = time.monotonic() + self._timeout, ""
        while (found := self._take()) is not None:
            first_seen = first_seen or found.version
            shows_life = found.version != first_seen or _content(found).is_alive()
            if self._timeout == 0 or (shows_life and time.monotonic() >= deadline):
                raise LeaseHeldError(self.path, _description(found))
            time.sleep(self._times.poll)
        threading.Thread(target=self._keep, name=f"lease {self.path}", daemon=True).start()
        _held.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _held.discard(self)
        self._ending.set()
        with self._one_at_a_time:
            self._holding = self._holding.model_copy(update={"released": True})
            for _ in range(0 if self._lost else RELEASE_ATTEMPTS):
                try:
                    self._write()
                    return
                except Exception as failure:  # in the end it expires by itself
                    log.warning("%s could not be released: %s", self.path, one_line(failure))

    def check(self) -> None:
        """Raises LeaseLostError when another process has taken the lease over.

        After a pause of this process that was longer than the expiry the store is asked first: whoever is still the
        holder there goes on. What the store raises is raised.
        """
        if _clock() - self._renewed > self._times.expiry:
            self._renew()
        if self._lost:
            raise LeaseLostError(self._lost)

    def _take(self) -> StoredObject | None:
        """Takes the lease if it is free, and returns None; else it returns what the holder wrote."""
        found = self._writes.read(self.path)
        if found is not None and not _is_free(found, self._times):
            return found
        self._version = found.version if found is not None else None
        if self._write():
            return None
        return self._writes.read(self.path) or self._take()  # another process was quicker

    def _write(self) -> bool:
        """Writes the lease over its last known version; False when that was not the last.

        A time-out, or an error of the server, may come after the write was made, and a write that the client repeats
        is refused because of its own first try. So the object is read before either is believed.
        """
        data = self._holding.model_dump_json().encode()
        failure: Exception | None = None
        try:
            version = self._writes.write(self.path, data, self._version)
        except Exception as error:
            version, failure = None, error
        if version is None:
            found = self._writes.read(self.path)
            if found is not None and found.data == data:
                version = found.version
            elif failure is not None:
                raise failure
        if version is None:
            return False
        self._version, self._renewed = version, _clock()
        return True

    def _renew(self) -> None:
        with self._one_at_a_time:
            if self._lost or self._ending.is_set():
                return
            self._holding = self._holding.model_copy(update={"renewals": self._holding.renewals + 1})
            if self._write():
                return
            found = self._writes.read(self.path)
            by = _description(found) if found is not None else "a process that deleted it"
            self._lost = (
                f"this process was silent for more than {self._times.expiry:.0f} s and lost {self.path} to {by}; it "
                "writes nothing more"
            )
        log.error("%s", self._lost)
        if self._on_lost is not None:
            self._on_lost()

    def _keep(self) -> None:
        while not self._ending.wait(self._times.renewal) and not self._lost:
            try:
                self._renew()
            except Exception as error:  # it is this process's until another one takes it, so it goes on trying
                log.warning("%s could not be renewed: %s", self.path, one_line(error))


_held: set[Lease] = set()
"""The leases of this process."""


def check_leases(root: str) -> None:
    """Raises LeaseLostError when this process has lost a lease below the URI `root`."""
    for lease in tuple(_held):
        if lease.path.startswith(f"{root}/"):
            lease.check()


def is_leased(writes: ConditionalWrites, path: str, times: LeaseTimes = TIMES) -> bool | None:
    """Whether a process that may be alive holds the lease at the URI `path`; None where there never was one."""
    found = writes.read(path)
    return None if found is None else not _is_free(found, times)


def _is_free(found: StoredObject, times: LeaseTimes) -> bool:
    """Whether a lease may be taken; a damaged one only when it has expired, for its holder may be alive."""
    if found.age > times.expiry:
        return True
    holding = _content(found)
    return holding.released or holding.has_ended()


def _content(found: StoredObject) -> Holding:
    try:
        return Holding.model_validate_json(found.data)
    except ValidationError:
        return Holding(token="", host="an unknown machine", machine="", pid=0, process_start="", since="unknown")


def _description(found: StoredObject) -> str:
    holding = _content(found)
    return f"process {holding.pid} of {holding.host} since {holding.since}, renewed {max(found.age, 0):.0f} s ago"


def _clock() -> float:
    """Seconds that also pass while the machine sleeps, where the system has such a clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
