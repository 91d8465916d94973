"""Runs trials with Ray Tune. Tune's own state is discarded: what has to survive a run is in the store."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.runtime.quiet import quiet_tune
from cluster.runtime.session import graceful_termination

if TYPE_CHECKING:
    from cluster.runtime.tune_callback import NotifyDriver

SCRATCH = f"codecgrid-tune-{os.getpid()}-"
"""How the names of this process's folders for Tune's own state begin."""


@dataclass(frozen=True)
class TuneTrials:
    """One trial for each of `points`, the values of `axis` in a trial's config; `shared` is in the config of all.

    A point is the list of the names of what its trial trains. `request` are the resources of a trial, such as
    `{"cpu": 1}`; `restarts` is how often a trial starts again after its process has ended without a result, counted
    from its last progress (see `NotifyDriver`). A node that the cloud announced to take away never counts.
    """

    name: str
    trainable: Callable[[dict[str, Any]], None]
    axis: str
    points: list[list[str]]
    shared: dict[str, Any]
    request: dict[str, float]
    restarts: int
    trial_name: Callable[[Any], str]


def run_trials(trials: TuneTrials, callback: NotifyDriver) -> list[str]:
    """Runs the trials, inside `session`; returns the error of each whose process ended more often than `restarts`.

    Raises KeyboardInterrupt, with the signal's name, when SIGINT or SIGTERM stopped the run before all had ended.
    """
    from ray import tune

    quiet_tune()
    with tempfile.TemporaryDirectory(prefix=SCRATCH) as scratch:
        tuner = tune.Tuner(
            tune.with_resources(trials.trainable, trials.request),
            param_space={trials.axis: tune.grid_search(trials.points), **trials.shared},
            tune_config=tune.TuneConfig(
                num_samples=1,
                reuse_actors=True,  # a new process would import torch again: 4 s for each trial
                trial_name_creator=trials.trial_name,
                trial_dirname_creator=trials.trial_name,
            ),
            run_config=tune.RunConfig(
                name=trials.name,
                storage_path=scratch,  # Tune's own state is not used again
                failure_config=tune.FailureConfig(max_failures=trials.restarts),
                callbacks=[callback],
                verbose=0,
            ),
        )
        with graceful_termination() as termination:
            results = tuner.fit()
        if not callback.ended.issuperset(name for point in trials.points for name in point):
            raise KeyboardInterrupt("SIGTERM" if termination.seen else "SIGINT")  # Tune swallows both signals
        return [f"{result.error}" for result in results if result.error is not None]


def remove_scratch() -> None:
    """Deletes Tune's own state, for an end of this process without any clean-up."""
    for folder in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*"):
        shutil.rmtree(folder, ignore_errors=True)
