"""Trains small codecs with Ray Tune: one trial for each, which goes on from its own state in the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from cluster.runtime.quiet import stdout_on_stderr
from cluster.runtime.session import Session, graceful_termination, session
from cluster.runtime.tune import TuneTrials, run_trials
from grid.codec_training.progress import HistoryLine
from grid.codec_training.stage import OnLine
from grid.codec_training.training import TrainingJob, run_job
from grid.codecs.controlled.spec import CodecSpec
from grid.core.errors import RequestError
from grid.core.record import keep_failure, read_record, reason
from grid.core.store import Store

AXIS = "codecs"
RESTARTS = 3
"""How often a training goes on after its process was killed or its machine lost."""


def train_codecs(jobs: Sequence[TrainingJob], *, address: str, report: OnLine) -> dict[str, str]:
    """Brings all `jobs` to their ends and gives, by the name of the codec, why those failed that did.

    All are on one device with one thread count: a trial takes so many CPUs, and a GPU for `cuda`. `report` gets every
    line of every history, in this process. Equal thread counts give the bytes that `run_job` gives without Ray.
    Raises RequestError when Ray cannot be joined or this machine has no room for a single trial, and KeyboardInterrupt,
    with the signal's name, when SIGINT or SIGTERM stopped it before all had ended.
    """
    with stdout_on_stderr(), session(address) as here, graceful_termination():
        request = _request(jobs[0])
        _check_room(here, request)
        reasons, deaths = _run(jobs, request, report)
    return reasons | _died(jobs, reasons, deaths)


def _request(job: TrainingJob) -> dict[str, float]:
    request = {"cpu": float(job.threads)}
    return {**request, "gpu": 1.0} if job.device == "cuda" else request


def _check_room(here: Session, request: dict[str, float]) -> None:
    """Refuses what Tune would wait for without end. A cluster that was joined may still grow."""
    if here.started and request["cpu"] > here.cpus:
        raise RequestError(f"--threads {request['cpu']:g}: this machine has {here.cpus:g} CPUs; give at most so many")
    if here.started and request.get("gpu", 0) > here.gpus:
        raise RequestError("--device cuda: Ray finds no GPU on this machine; use --device cpu")


def _run(jobs: Sequence[TrainingJob], request: dict[str, float], report: OnLine) -> tuple[dict[str, str], list[str]]:
    """The reasons of those that failed, by name, and a line for each whose process died too often."""
    from cluster.runtime.tune_callback import NotifyDriver

    by_name = {job.name: job for job in jobs}
    reasons: dict[str, str] = {}

    def result(said: dict[str, Any]) -> None:
        if "line" in said:
            report(by_name[said["codec"]].spec, HistoryLine(**said["line"]))
        elif said.get("failed"):
            reasons[said["codec"]] = said["failed"]

    trials = TuneTrials(
        name="small-codecs",
        trainable=train_small_codec,
        axis=AXIS,
        points=[[job.name] for job in jobs],
        shared={"jobs": by_name},
        request=request,
        restarts=RESTARTS,
        trial_name=_trial_name,
    )
    deaths = run_trials(trials, NotifyDriver(AXIS, result, lambda name: None))
    return reasons, deaths


def _trial_name(trial: Any) -> str:
    return f"codec-{trial.config[AXIS][0]}"


def train_small_codec(config: dict[str, Any]) -> None:
    """One trial, in a worker process: says each line of the history, and at last why it failed, "" if it did not."""
    from ray import tune

    [name] = config[AXIS]

    def report(spec: CodecSpec, line: HistoryLine) -> None:
        tune.report({"codec": spec.name, "line": asdict(line)})

    tune.report({"codec": name, "failed": run_job(config["jobs"][name], report)})


def _died(jobs: Sequence[TrainingJob], known: dict[str, str], deaths: list[str]) -> dict[str, str]:
    """A trial whose process died too often left no record of why; it gets one."""
    found: dict[str, str] = {}
    for job in jobs:
        store = Store.open(job.root)
        if job.name not in known and read_record(store, job.folder) is None:
            error = RuntimeError("its process died again and again")
            keep_failure(store, job.folder, error, "\n".join(deaths))
            found[job.name] = reason(error)
    return found
