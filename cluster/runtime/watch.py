"""Watches the cluster during a run: ends the run when the cluster is gone, and says so when nothing makes progress."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

from cluster.runtime.nodes import has_ended, own_node, resources_in_use
from cluster.runtime.session import sigterms
from cluster.runtime.tune import remove_scratch
from grid.core.errors import STOPPED, one_line

log = logging.getLogger(__name__)

CLUSTER_LOST = 4
"""The exit status of a run whose cluster went away."""
LONGEST_GAP = 5.0
"""Seconds of silence that count between two looks: this process was stopped or starved if there were more."""
SHOW_CURSOR = "\x1b[?25h"
"""A progress bar on a terminal hides the cursor."""


@dataclass(frozen=True)
class WatchLimits:
    """The time limits of a watch, in seconds.

    A cluster that does not answer for `silence` is lost: less than the 60 s after which Ray ends a driver itself, with
    status 1 and no message. After a SIGTERM, which may have reached Ray's processes too, `silence_after_sigterm` holds.
    After `idle` without any progress, the log says what holds the resources. `poll` is the time between two questions.
    """

    silence: float = 30.0
    silence_after_sigterm: float = 15.0
    idle: float = 900.0
    poll: float = 1.0


LIMITS = WatchLimits()


class ClusterWatch:
    """Asks the cluster in one thread whether it is there, and judges its silence in another.

    Two threads, because a question to a GCS that was killed never returns. For the same reason a lost cluster ends the
    process by `os._exit`: the main thread is inside a call that neither returns nor lets Python handle a signal (Ray
    2.60). As after kill -9, the store is whole, its locks are released, and the processes of a local Ray end by
    themselves.
    """

    def __init__(self, limits: WatchLimits, waiting: Callable[[], str]) -> None:
        self._limits, self._waiting = limits, waiting
        self._node = own_node()
        self._sigterms_before = sigterms.seen
        self._answered = self._progress = time.monotonic()
        self._silence = 0.0
        self._ending = threading.Event()

    def start(self) -> None:
        for loop in (self._ask, self._judge):
            threading.Thread(target=loop, name=f"cluster-watch{loop.__name__}", daemon=True).start()

    def stop(self) -> None:
        """Ends both threads, without waiting: one may be inside a question that is never answered."""
        self._ending.set()

    def progressed(self) -> None:
        """Something was reported or has ended."""
        self._progress = time.monotonic()

    def confirm(self) -> None:
        """Returns when the cluster has answered a question that was asked after this call; else the process ends.

        To be called before an error is taken for one of a cell or a codec.
        """
        start = time.monotonic()
        while self._answered < start and not self._ending.is_set():
            time.sleep(0.05)

    def _ask(self) -> None:
        while not self._ending.wait(self._limits.poll):
            asked = time.monotonic()
            try:
                if has_ended(self._node):
                    self._end("the Ray node of this driver ended")
                self._answered, self._silence = asked, 0.0
                if asked - self._progress > self._limits.idle and (work := self._waiting()):
                    minutes = (asked - self._progress) / 60
                    log.warning("no progress for %.0f minutes; %s. %s", minutes, work, resources_in_use())
                    self._progress = asked
            except Exception as error:
                if self._ending.is_set():  # Ray is being shut down
                    return
                log.debug("the cluster does not answer: %s", one_line(error))

    def _judge(self) -> None:
        now = time.monotonic()
        while not self._ending.wait(self._limits.poll / 2):
            before, now = now, time.monotonic()
            self._silence += min(now - before, LONGEST_GAP)
            if self._silence > self._limits.silence:
                self._end(f"its GCS has not answered for {self._silence:.0f} s")
            if self._sigterm_received() and self._silence > self._limits.silence_after_sigterm:
                self._end("")

    def _sigterm_received(self) -> bool:
        return sigterms.seen > self._sigterms_before

    def _end(self, reason: str) -> NoReturn:
        """Ends the process, with the line and the status of a stopped run when that is what it is."""
        stopped = self._sigterm_received()
        line = STOPPED if stopped else f"error: the cluster went away: {reason}. Run the same command again to go on"
        remove_scratch()
        stream = sys.__stderr__ or sys.stderr
        stream.write((SHOW_CURSOR if stream.isatty() else "") + line + "\n")
        stream.flush()
        os._exit(128 + signal.SIGTERM if stopped else CLUSTER_LOST)


@contextmanager
def cluster_watch(limits: WatchLimits = LIMITS, waiting: Callable[[], str] = str) -> Iterator[ClusterWatch]:
    """Watches the cluster while the block runs; use it inside `session`.

    `waiting` says which work is not done, "" for none. A lost cluster ends the process with status `CLUSTER_LOST`, also
    when Ray raises before the watch has noticed.
    """
    watch = ClusterWatch(limits, waiting)
    watch.start()
    try:
        yield watch
    except Exception:
        watch.confirm()
        raise
    finally:
        watch.stop()
