"""A Tune callback that reports results and ends of trials to the driver. Imports ray: import it in a session only."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ray import tune

log = logging.getLogger(__name__)


class NotifyDriver(tune.Callback):
    """Calls `on_result` with each result of a trial, and `on_ended` with each name of an ended trial.

    `trial.config[axis]` are the names: the cells of a gang, or one codec; `ended` holds those of ended trials. Where
    `on_result` says that a result is progress that a restart keeps, the restarts of the trial are counted anew. Nothing
    may be raised here: Tune would end all trials.
    """

    def __init__(self, axis: str, on_result: Callable[[dict[str, Any]], bool], on_ended: Callable[[str], None]) -> None:
        self.axis = axis
        self.on_result: Callable[[dict[str, Any]], bool] | None = on_result
        self.on_ended: Callable[[str], None] | None = on_ended
        self.ended: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles its callbacks into its own, unused state; the functions may hold a terminal and are left out."""
        return {"axis": self.axis, "on_result": None, "on_ended": None, "ended": set()}

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        if self._call(self.on_result, result):
            trial.run_metadata.num_failures = 0

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._ended(trial)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._ended(trial)

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        log.warning("the process of %s was lost; it goes on from its last state", ", ".join(trial.config[self.axis]))

    def _ended(self, trial: Any) -> None:
        for name in trial.config[self.axis]:
            self.ended.add(name)
            self._call(self.on_ended, name)

    def _call(self, function: Callable[[Any], bool | None] | None, argument: Any) -> bool | None:
        if function is None:
            return None
        try:
            return function(argument)
        except Exception:
            log.exception("showing the progress failed; the trials go on")
            return None
