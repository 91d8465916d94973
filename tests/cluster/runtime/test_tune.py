"""Tests of running trials on a real Ray: how often one whose process is killed starts again."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from cluster.runtime.tune import TuneTrials, run_trials

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def killed(config: dict[str, Any]) -> None:
    """Ends its process: `moving` in its first two attempts, after a result; `stuck` in each, before any."""
    from ray import tune

    [name] = config["names"]
    attempts = Path(config["folder"]) / name
    attempts.mkdir(exist_ok=True)
    attempt = len(list(attempts.iterdir()))
    (attempts / str(attempt)).touch()
    if name == "moving":
        tune.report({"step": attempt})
        time.sleep(0.5)  # until the driver has the result
    if name == "stuck" or attempt < 2:
        os.kill(os.getpid(), signal.SIGKILL)


def test_restarts_are_counted_anew_from_each_progress(ray_local: None, tmp_path: Path) -> None:
    from cluster.runtime.tune_callback import NotifyDriver

    trials = TuneTrials(
        name="killed",
        trainable=killed,
        axis="names",
        points=[["moving"], ["stuck"]],
        shared={"folder": str(tmp_path)},
        request={"cpu": 1},
        restarts=1,
        trial_name=lambda trial: f"trial-{trial.config['names'][0]}",
    )
    steps: list[int] = []

    def on_result(result: dict[str, Any]) -> bool:
        if "step" in result:
            steps.append(result["step"])
        return "step" in result

    errors = run_trials(trials, NotifyDriver("names", on_result, lambda name: None))
    assert steps == [0, 1, 2]
    assert {each.name: len(list(each.iterdir())) for each in tmp_path.iterdir()} == {"moving": 3, "stuck": 2}
    assert len(errors) == 1
