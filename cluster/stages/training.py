"""Trains cells with Ray Tune: one trial for each gang, which trains, scores and measures its cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from cluster.runtime.glibc_memory import keep_freed_memory
from cluster.runtime.tune import TuneTrials, run_trials
from cluster.stages.events import CellEvent
from grid.cells.job import CellJob, read_job
from grid.config.experiment import Experiment
from grid.config.resources import Resources
from grid.core.store import Store
from grid.core.weights import take_weights_from
from grid.experiment.frozen import read_experiment
from grid.run_cell import run_gang
from grid.training.checkpoint import Epoch

TRIALS_AT_ONCE = 500
"""Tune slows down with the number of its trials; more gangs run in several waves."""

ANY_SHARE = 0.001
"""Of the resource by which Ray names the GPUs of a node, of which a node has one whatever the number of its GPUs."""

GangIds = tuple[str, ...]
"""The ids of cells that train together."""


def train_gangs(
    root: str, experiment: Experiment, gangs: Sequence[GangIds], *, notify: Callable[[CellEvent], None]
) -> list[str]:
    """Runs the gangs; returns one line for each trial whose process was lost without recording a failure itself.

    Raises KeyboardInterrupt, with the signal's name, when SIGINT or SIGTERM stopped the run before all cells had ended.
    """
    process_errors: list[str] = []
    for start in range(0, len(gangs), TRIALS_AT_ONCE):
        process_errors += _run_wave(root, experiment, gangs[start : start + TRIALS_AT_ONCE], notify)
    return process_errors


def _run_wave(
    root: str, experiment: Experiment, gangs: Sequence[GangIds], notify: Callable[[CellEvent], None]
) -> list[str]:
    from cluster.runtime.tune_callback import NotifyDriver

    reported: set[tuple[str, int]] = set()

    def on_result(result: dict[str, Any]) -> bool:
        if "epoch" not in result:
            return False
        notify(CellEvent(result["cell"], ended=False, epoch=result))
        epoch = (result["cell"], result["epoch"])
        is_new = epoch not in reported
        reported.add(epoch)
        return is_new

    resources = experiment.resources
    trials = TuneTrials(
        name=experiment.name,
        trainable=_trainable(experiment.name),
        axis="cells",
        points=[list(gang) for gang in gangs],
        shared={
            "root": root,
            "experiment": experiment.name,
            "gpu": resources.gpus_per_cell > 0,
            "threads": max(1, int(resources.cpus_per_cell)),
        },
        request=_request(resources),
        restarts=resources.max_cell_restarts,
        trial_name=_trial_name,
    )
    return run_trials(trials, NotifyDriver("cells", on_result, lambda cell: notify(CellEvent(cell, ended=True))))


def _trial_name(trial: Any) -> str:
    """`cell-ID`, or `gang-ID-N` with the id of the first cell and the number of cells."""
    first, *others = trial.config["cells"]
    return f"gang-{first}-{len(others) + 1}" if others else f"cell-{first}"


def _request(resources: Resources) -> dict[str, float]:
    request = {"cpu": resources.cpus_per_cell}
    if resources.gpus_per_cell:
        request["gpu"] = resources.gpus_per_cell
        if resources.accelerator is not None:
            request[f"accelerator_type:{resources.accelerator}"] = ANY_SHARE
    return request


def _trainable(name: str) -> Callable[[dict[str, Any]], None]:
    """The trainable under a name of its own: Tune has one table of trainables for all jobs of a cluster."""

    def cell(config: dict[str, Any]) -> None:
        run_trial(config)

    cell.__name__ = f"cell_{name}"
    return cell


def run_trial(config: dict[str, Any]) -> None:
    """One trial, in a worker process: opens the store, reads the jobs of its cells and runs them."""
    import torch
    from ray import tune

    keep_freed_memory()
    torch.set_num_threads(config["threads"])
    take_weights_from(config["root"])
    store = Store.open(config["root"])
    jobs = [read_job(store, cell_id) for cell_id in config["cells"]]
    experiment = read_experiment(store, config["experiment"])

    def report(job: CellJob, epoch: Epoch) -> None:
        tune.report({"cell": job.cell_id, **asdict(epoch)})

    ended = run_gang(store, jobs, experiment, gpu=config["gpu"], report=report)
    tune.report({"ok": all(ended.values())})
