"""The near end of a bridge: an adapter that has its work done by a process under another environment's Python.

The process starts at the first `code` and is kept; what it prints on standard output and error is kept for messages
only. It is started again after it died, because a codec that crashes on one utterance must not cost the others.
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
    """Any adapter, in its environment: same class, same samples as in this process, one child for each instance.

    Beside the usual folders of weights it looks into the environment's checkouts, where some projects keep theirs.
    """

    revision: ClassVar[int] = 1  # the identity reads the revision of the adapter that runs, not this one

    def __init__(
        self, entry: CatalogueEntry, declared: Declaration, *, device: str = "cpu", weights: WeightFinder | None = None
    ) -> None:
        super().__init__(entry, device=device, weights=weights)
        self.declared = declared
        self.weights = with_checkouts(self.weights, environment(declared))
        inner = ADAPTERS.get(str(entry.adapter))
        inner(entry, device=device, weights=self.weights)  # an argument that is wrong is said here
        limits = {"max_batch": inner.max_batch, "cpu_batch": inner.cpu_batch, "minimum_samples": inner.minimum_samples}
        vars(self).update(limits, equal_lengths=inner.equal_lengths)
        self._child: Child | None = None

    @property
    def sample_rate(self) -> int:
        """See `Adapter.sample_rate`; the first use starts the child."""
        return int(self._opened().facts["sample_rate"])

    @property
    def delay(self) -> int:
        """See `Adapter.delay`; the first use starts the child."""
        return int(self._opened().facts["delay"])

    def build_environment(self) -> Environment:
        """Builds the environment where it is not there yet, with the errors of `build_environment`."""
        return build_environment(self.declared)

    def code(self, waveforms: Samples, seeds: Sequence[int]) -> Samples:
        """See `Adapter.code`.

        Raises what the adapter raised when that was a RequestError, else CodecOutputError with the upstream error, or
        with the last lines of a child that died.
        """
        coded = self._opened().ask({"do": "code", "seeds": [int(seed) for seed in seeds]}, waveforms)[1]
        if coded is None:
            raise CodecOutputError(f"codec {self.entry.name}: the bridge returned no samples")
        return coded

    def close(self) -> None:
        """End the child; the next `code` starts another."""
        if self._child is not None:
            self._child.stop()

    def _opened(self) -> Child:
        if self._child is None or not self._child.alive:
            made = self.build_environment()
            found = {weight.path: str(self.weights.find(weight)) for weight in self.entry.weights}
            child = Child(self.entry.name, made)
            opening = {"do": "open", "entry": self.entry.model_dump(mode="json"), "device": self.device}
            try:
                child.open({**opening, "weights": found, "paths": made.paths})
            except Exception:
                child.stop()
                raise
            self._child = child
        return self._child


def with_checkouts(weights: WeightFinder, made: Environment) -> WeightFinder:
    """`weights`, looking into the environment's checkouts as well."""
    return WeightFinder([*weights.folders, made.checkouts], offline=weights.offline)


def inside(entry: CatalogueEntry, made: Environment, device: str, weights: WeightFinder | None) -> Adapter:
    """The adapter itself, for a process that runs under the environment's Python already: no bridge is needed."""
    sys.path[:0] = [path for path in made.paths if path not in sys.path]
    finder = with_checkouts(weights or WeightFinder(), made)
    return ADAPTERS.get(str(entry.adapter))(entry, device=device, weights=finder)


class Child:
    """A process under an environment's Python with one adapter in it, and the socket to it."""

    def __init__(self, codec: str, made: Environment) -> None:
        self.codec, self.environment = codec, made
        self.facts: Message = {}
        ours, theirs = socket.socketpair()
        package = Path(grid.__file__).resolve().parent
        with theirs:
            self.process = subprocess.Popen(
                [made.python, "-P", Path(server.__file__).resolve(), str(theirs.fileno()), package],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for the parent; the socket ends the child
                env=child_variables(),
            )
        self.channel = Channel(ours)
        self.lines: deque[str] = deque(maxlen=LAST_LINES)
        assert self.process.stderr is not None
        self._listener = Thread(target=_keep_lines, args=(self.process.stderr, self.lines), daemon=True)
        self._listener.start()
        self.stop = weakref.finalize(self, _stop, self.process, self.channel)

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return self.stop.alive and self.process.poll() is None

    def open(self, message: Message) -> None:
        """Make the adapter; its weights load later."""
        self.facts = self.ask(message)[0]

    def ask(self, message: Message, samples: Samples | None = None) -> tuple[Message, Samples | None]:
        """Send a message and wait for the answer, with the errors of `IsolatedAdapter.code`."""
        try:
            self.channel.send(message, samples)
            answer, coded = self.channel.receive()
        except (OSError, EOFError) as error:
            raise CodecOutputError(self._last_words()) from error
        if "error" in answer:
            raise self._raised(answer)
        return answer, coded

    def _raised(self, answer: Message) -> Exception:
        if answer["error"] == "missing":
            return MissingRequirementError(answer["message"])
        if answer["error"] == "request":
            return RequestError(answer["message"])
        lines = "\n  ".join(answer["traceback"])
        place = f"in environment {self.environment.declared.name}"
        return CodecOutputError(f"codec {self.codec} {place}: {answer['message']}\n  {lines}")

    def _last_words(self) -> str:
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
    """The child ends itself when the socket closes; one that does not is killed."""
    channel.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
