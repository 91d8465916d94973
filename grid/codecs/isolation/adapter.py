"""The core's end of the bridge: an adapter whose computation runs in a child process of an isolated environment.

The child starts at the first `code` and stays alive for further calls. The last lines that it prints are kept for error
messages. A child that has ended is replaced at the next call, so that a codec that crashes on one utterance does not
lose the others.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import weakref
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from typing import IO, ClassVar

import grid
from grid.codecs.contract import ADAPTERS, Adapter, CodecOutputError, Samples
from grid.codecs.entry import CatalogueEntry
from grid.codecs.isolation import server
from grid.codecs.isolation.building import Environment, build_environment, child_variables, environment
from grid.codecs.isolation.declaration import Declaration
from grid.codecs.isolation.protocol import Channel, Message
from grid.core.errors import MissingRequirementError, RequestError
from grid.core.weights import WeightFinder

LAST_LINES = 12
STOP_SECONDS = 5.0


class IsolatedAdapter(Adapter):
    """Any adapter in its isolated environment: the same class and samples as in process, with one child per instance.

    Besides the usual weights folders it searches the environment's checkouts, where some projects keep theirs.
    """

    revision: ClassVar[int] = 1  # the identity reads the revision of the adapter that runs, not this one

    def __init__(
        self, entry: CatalogueEntry, declared: Declaration, *, device: str = "cpu", weights: WeightFinder | None = None
    ) -> None:
        super().__init__(entry, device=device, weights=weights)
        self.declared = declared
        self.weights = with_checkouts(self.weights, environment(declared))
        inner = ADAPTERS.get(str(entry.adapter))
        inner(entry, device=device, weights=self.weights)  # reports wrong arguments before any child is started
        limits = {"max_batch": inner.max_batch, "cpu_batch": inner.cpu_batch, "minimum_samples": inner.minimum_samples}
        vars(self).update(limits, equal_lengths=inner.equal_lengths)
        self._child: Child | None = None

    @property
    def sample_rate(self) -> int:
        """See `Adapter.sample_rate`; the first use starts the child."""
        return int(self._running_child().facts["sample_rate"])

    @property
    def delay(self) -> int:
        """See `Adapter.delay`; the first use starts the child."""
        return int(self._running_child().facts["delay"])

    def build_environment(self) -> Environment:
        """The environment, built if it does not exist yet, with the errors of `build_environment`."""
        return build_environment(self.declared)

    def code(self, waveforms: Samples, seeds: Sequence[int]) -> Samples:
        """See `Adapter.code`.

        A RequestError of the adapter is raised as such. Any other error of the adapter becomes a CodecOutputError with
        its traceback, and the end of the child one with its exit status and last lines of output.
        """
        coded = self._running_child().ask({"do": "code", "seeds": [int(seed) for seed in seeds]}, waveforms)[1]
        if coded is None:
            raise CodecOutputError(f"codec {self.entry.name}: the bridge returned no samples")
        return coded

    def close(self) -> None:
        """Ends the child; the next `code` starts another."""
        if self._child is not None:
            self._child.stop()

    def _running_child(self) -> Child:
        if self._child is None or not self._child.alive:
            built = self.build_environment()
            weights = {weight.path: str(self.weights.find(weight)) for weight in self.entry.weights}
            child = Child(self.entry.name, built)
            opening = {"do": "open", "entry": self.entry.model_dump(mode="json"), "device": self.device}
            try:
                child.open({**opening, "weights": weights, "paths": built.paths})
            except Exception:
                child.stop()
                raise
            self._child = child
        return self._child


def with_checkouts(weights: WeightFinder, isolated: Environment) -> WeightFinder:
    """A finder that searches the environment's checkouts after the folders of `weights`."""
    return WeightFinder([*weights.folders, isolated.checkouts], offline=weights.offline, store=weights.store)


def inside(entry: CatalogueEntry, current: Environment, device: str, weights: WeightFinder | None) -> Adapter:
    """The adapter itself, without a bridge, in a process that already runs under the environment's Python."""
    sys.path[:0] = [path for path in current.paths if path not in sys.path]
    finder = with_checkouts(weights or WeightFinder(), current)
    return ADAPTERS.get(str(entry.adapter))(entry, device=device, weights=finder)


class Child:
    """A process under an environment's Python that runs one adapter, and the socket to it."""

    def __init__(self, codec: str, built: Environment) -> None:
        self.codec, self.environment = codec, built
        self.facts: Message = {}
        near, far = socket.socketpair()
        package = Path(grid.__file__).resolve().parent
        with far:
            self.process = subprocess.Popen(
                [built.python, "-P", Path(server.__file__).resolve(), str(far.fileno()), package],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[far.fileno()],
                start_new_session=True,  # Ctrl-C reaches the parent only; the closed socket ends the child
                env=child_variables(),
            )
        self.channel = Channel(near)
        self.lines: deque[str] = deque(maxlen=LAST_LINES)
        assert self.process.stderr is not None
        self._listener = Thread(target=_keep_lines, args=(self.process.stderr, self.lines), daemon=True)
        self._listener.start()
        self.stop = weakref.finalize(self, _stop, self.process, self.channel)

    @property
    def alive(self) -> bool:
        """Whether it still answers requests."""
        return self.stop.alive and self.process.poll() is None

    def open(self, message: Message) -> None:
        """Creates the adapter in the child; its weights load at its first `code`."""
        self.facts = self.ask(message)[0]

    def ask(self, message: Message, samples: Samples | None = None) -> tuple[Message, Samples | None]:
        """Sends a message and returns the answer, with the errors of `IsolatedAdapter.code`."""
        try:
            self.channel.send(message, samples)
            answer, coded = self.channel.receive()
        except (OSError, EOFError) as error:
            raise CodecOutputError(self._end_message()) from error
        if "error" in answer:
            raise self._as_exception(answer)
        return answer, coded

    def _as_exception(self, answer: Message) -> Exception:
        if answer["error"] == "missing":
            return MissingRequirementError(answer["message"])
        if answer["error"] == "request":
            return RequestError(answer["message"])
        lines = "\n  ".join(answer["traceback"])
        place = f"in environment {self.environment.declared.name}"
        return CodecOutputError(f"codec {self.codec} {place}: {answer['message']}\n  {lines}")

    def _end_message(self) -> str:
        """How the child ended, with the last lines of its output."""
        self.stop()
        self._listener.join(STOP_SECONDS)
        status = self.process.returncode
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        *earlier, last = self.lines or ["nothing"]
        before = "\n  ".join(["\nBefore that:", *earlier]) if earlier else ""
        place = f"its process in environment {self.environment.declared.name}"
        return f"codec {self.codec}: {place} {how}; the last it said: {last}{before}"


def _keep_lines(stream: IO[bytes], lines: deque[str]) -> None:
    with stream:
        lines.extend(line.decode(errors="replace").rstrip() for line in stream)


def _stop(process: subprocess.Popen[bytes], channel: Channel) -> None:
    """Closes the socket, at which the child ends itself, and kills a child that has not ended after STOP_SECONDS."""
    channel.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
