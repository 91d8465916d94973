"""Passes what Tune says of a trial on to the driver. Imports ray at its head: import it inside a session only."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ray import tune

from cluster.events import CellEvent

log = logging.getLogger(__name__)


class NotifyDriver(tune.Callback):
    """Calls `notify` and keeps which cells ended. Nothing may be raised here: Tune would end the whole grid.

    A trial is a gang of cells, `trial.config["cells"]`; most are gangs of one.
    """

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
            self._pass_on(CellEvent(result["cell"], ended=False, epoch=result))

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._ended(trial)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._ended(trial)

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        names = ", ".join(trial.config["cells"])
        log.warning("the process of %s was lost; it goes on from its last epoch", names)

    def _ended(self, trial: Any) -> None:
        for cell_id in trial.config["cells"]:
            self.ended.add(cell_id)
            self._pass_on(CellEvent(cell_id, ended=True))

    def _pass_on(self, event: CellEvent) -> None:
        if self.notify is None:
            return
        try:
            self.notify(event)
        except Exception:
            log.exception("showing the progress failed; the grid goes on")
