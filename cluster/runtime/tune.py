"""Runs trials with Ray Tune: a fresh, quiet Tuner each time, of whose state nothing is kept; the store remembers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cluster.runtime.quiet import quiet_tune
from cluster.runtime.session import graceful_termination

if TYPE_CHECKING:
    from cluster.runtime.tune_callback import NotifyDriver


@dataclass(frozen=True)
class TuneTrials:
    """One trial for each of `points`, the values of `axis` in a trial's config; `shared` is in the config of all.

    A point is a list of names: of what its trial trains. `request` is what a trial takes, such as `{"cpu": 1}`;
    `restarts` how often it starts again when its process dies.
    """

    name: str
    trainable: Callable[[dict[str, Any]], None]
    axis: str
    points: list[list[str]]
    shared: dict[str, Any]
    request: dict[str, float]
    restarts: int
    trial_name: Callable[[Any], str]


def run_trials(trials: TuneTrials, notified: NotifyDriver) -> list[str]:
    """Runs them, inside `session`, and gives one line for each whose process died too often.

    Raises KeyboardInterrupt, with the signal's name, when SIGINT or SIGTERM stopped it before all had ended.
    """
    from ray import tune

    quiet_tune()
    with tempfile.TemporaryDirectory(prefix="codecgrid-tune-") as scratch:
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
                storage_path=scratch,  # Tune's own state is of no use to us
                failure_config=tune.FailureConfig(max_failures=trials.restarts),
                callbacks=[notified],
                verbose=0,
            ),
        )
        with graceful_termination() as termination:
            results = tuner.fit()
        if not notified.ended.issuperset(name for point in trials.points for name in point):
            raise KeyboardInterrupt("SIGTERM" if termination.seen else "SIGINT")  # Tune swallows both signals
        return [f"{result.error}" for result in results if result.error is not None]
