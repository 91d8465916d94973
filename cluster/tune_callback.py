"""Passes what Tune says of a trial on to the driver. Imports ray at its head: import it inside a session only."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ray import tune

from cluster.events import CellEvent

log = logging.getLogger(__name__)


class NotifyDriver(tune.Callback):
    """Calls `notify` and keeps which cells ended. Nothing may be raised here: Tune would end the whole grid."""

    def __init__(self, notify: Callable[[CellEvent], None] | None = None) -> None:
        self.notify = notify
        self.ended: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles its callbacks into its own state, where a terminal does not fit and nobody reads it."""
        return {"notify": None, "ended": set()}

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        if "epoch" in result:
            self._pass_on(trial, ended=False, epoch=result)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._pass_on(trial, ended=True)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._pass_on(trial, ended=True)

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        log.warning("cell %s lost its process and goes on from its last epoch", trial.config["cell"])

    def _pass_on(self, trial: Any, *, ended: bool, epoch: dict[str, Any] | None = None) -> None:
        if ended:
            self.ended.add(trial.config["cell"])
        if self.notify is None:
            return
        try:
            self.notify(CellEvent(trial.config["cell"], ended, epoch))
        except Exception:
            log.exception("showing the progress failed; the grid goes on")
