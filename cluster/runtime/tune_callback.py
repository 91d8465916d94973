"""Passes what Tune says of a trial on to the driver. Imports ray at its head: import it inside a session only."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ray import tune

log = logging.getLogger(__name__)


class NotifyDriver(tune.Callback):
    """Calls `result` with what a trial reports, `ended` with the name of each thing it trained, and keeps those names.

    `trial.config[axis]` are the names: the cells of a gang, or one codec. Nothing may be raised here: Tune would end
    all trials.
    """

    def __init__(self, axis: str, result: Callable[[dict[str, Any]], None], ended: Callable[[str], None]) -> None:
        self.axis = axis
        self.result: Callable[[dict[str, Any]], None] | None = result
        self.told: Callable[[str], None] | None = ended
        self.ended: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles its callbacks into its own state, where a terminal does not fit and nobody reads it."""
        return {"axis": self.axis, "result": None, "told": None, "ended": set()}

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        self._pass_on(self.result, result)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._ended(trial)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._ended(trial)

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        log.warning("the process of %s was lost; it goes on from its last state", ", ".join(trial.config[self.axis]))

    def _ended(self, trial: Any) -> None:
        for name in trial.config[self.axis]:
            self.ended.add(name)
            self._pass_on(self.told, name)

    def _pass_on(self, hearer: Callable[[Any], None] | None, said: Any) -> None:
        if hearer is None:
            return
        try:
            hearer(said)
        except Exception:
            log.exception("showing the progress failed; the trials go on")
