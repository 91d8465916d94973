"""Several hosts on this machine: network namespaces on one bridge, each with disk folders that no other host sees.

A host has an address and a name of its own. Of the disk it shares what machines of one image have alike, the packages
of this Python among it; the folders of the submitter are empty there. It needs root, and Linux's `ip` and `unshare`.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

SUBNET = "10.213.{}"
"""A private network for the hosts of one test process, after its process id."""


@dataclass(frozen=True)
class Host:
    """A host: its network namespace, which is also its name, its address, and the folders that are its own."""

    name: str
    address: str
    home: Path
    hidden: tuple[Path, ...]

    def start(self, command: Sequence[str], variables: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
        """Starts a command in the host's home; what it writes there, or into a hidden folder, ends with it."""
        names = f"127.0.0.1 localhost\n{self.address} {self.name}"  # Ray looks its own name up; no name server is here
        script = " && ".join(
            [
                *(f"mount -t tmpfs tmpfs {shlex.quote(str(folder))}" for folder in (*self.hidden, self.home)),
                f"cd {shlex.quote(str(self.home))}",
                f"hostname {self.name}",
                f"echo '{names}' > hosts && mount --bind hosts /etc/hosts",
                f"exec {shlex.join(command)}",
            ]
        )
        inside = ["unshare", "--mount", "--propagation", "private", "--uts", "sh", "-c", script]
        own = {"HOME": str(self.home), "TMPDIR": str(self.home), "RAY_TMPDIR": str(self.home)}
        with log.open("wb") as stream:
            return subprocess.Popen(
                ["ip", "netns", "exec", self.name, *inside],
                env={**variables, **own},
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def lose(self) -> None:
        """Kills every process of the host at once, as when its machine is taken away."""
        for pid in _ip("netns", "pids", self.name).split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


@dataclass(frozen=True)
class Network:
    """Hosts in the order of their names; `address` is this process's own on their network."""

    address: str
    hosts: tuple[Host, ...]


@contextmanager
def network(*names: str, hidden: Sequence[Path]) -> Iterator[Network]:
    """Hosts with these names, of at most seven letters, that see nothing in the folders `hidden`.

    All that runs on them is killed at the end. Skips the test where namespaces cannot be made.
    """
    _require_rights()
    number = os.getpid() % 250 + 1
    bridge, subnet = f"cg{number}", SUBNET.format(number)
    with ExitStack() as undo:
        # short, for the path of a socket holds 107 bytes
        home = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="host-", dir="/tmp")))
        _ip("link", "add", bridge, "type", "bridge")
        undo.callback(_ip, "link", "del", bridge)
        _ip("address", "add", f"{subnet}.1/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        hosts = tuple(
            Host(f"cg{number}-{name}", f"{subnet}.{place}", home, tuple(hidden)) for place, name in enumerate(names, 2)
        )
        for place, host in enumerate(hosts):
            _connect(host, bridge, f"in{number}-{place}", undo)
        yield Network(f"{subnet}.1", hosts)


def _connect(host: Host, bridge: str, inside: str, undo: ExitStack) -> None:
    """Makes the host's namespace, with one end of a wire in it; the other end is on the bridge, named as the host."""
    _ip("netns", "add", host.name)
    undo.callback(_ip, "netns", "del", host.name)
    undo.callback(host.lose)
    _ip("link", "add", host.name, "type", "veth", "peer", "name", inside)
    _ip("link", "set", inside, "netns", host.name)
    _ip("link", "set", host.name, "master", bridge)
    _ip("link", "set", host.name, "up")
    _ip("-n", host.name, "address", "add", f"{host.address}/24", "dev", inside)
    for device in (inside, "lo"):
        _ip("-n", host.name, "link", "set", device, "up")
    # Ray takes for its own the address of the interface that the default route goes through
    _ip("-n", host.name, "route", "add", "default", "via", f"{host.address.rpartition('.')[0]}.1")


def _require_rights() -> None:
    """Skips the test, by name, on a machine that cannot be several hosts."""
    for program in ("ip", "unshare"):
        if shutil.which(program) is None:
            pytest.skip(f"several hosts need the program {program}")
    probe = f"cg-{os.getpid()}"
    for step in (["ip", "netns", "add", probe], ["ip", "netns", "del", probe], ["unshare", "--mount", "--uts", "true"]):
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"several hosts need the rights of `{shlex.join(step)}`: {done.stderr.strip()}")


def _ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True).stdout
