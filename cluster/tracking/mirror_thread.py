"""Keeps MLflow up to date during a run, in a thread of the driver."""

from __future__ import annotations

import logging
import threading

from cluster.tracking.mirror import Mirror, SyncReport

log = logging.getLogger(__name__)


class MirrorThread:
    """Syncs every `every_seconds` during a run, and once more at its end; its errors never stop the run."""

    def __init__(self, mirror: Mirror, every_seconds: float = 20.0) -> None:
        self._mirror = mirror
        self._every_seconds = every_seconds
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name="mlflow-mirror", daemon=True)
        self._last_error = ""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> SyncReport:
        """Ends the thread and syncs a last time; cells that are not measured yet are left to a later sync."""
        self._ending.set()
        self._thread.join()
        return self._sync(live=False)

    def __enter__(self) -> MirrorThread:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _repeat(self) -> None:
        self._sync(live=True)
        while not self._ending.wait(self._every_seconds):
            self._sync(live=True)

    def _sync(self, *, live: bool) -> SyncReport:
        try:
            return self._mirror.sync(measure=False, live=live)
        except Exception as error:  # an error of the store: the stages raise it where it can be handled
            if str(error) != self._last_error:
                self._last_error = str(error)
                log.warning("MLflow is not kept up to date: %s", error)
            return SyncReport(failed_reason=str(error))
