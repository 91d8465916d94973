"""Trains small codecs with Ray Tune: one trial for each codec, which resumes from its state in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from cluster.runtime.quiet import stdout_on_stderr
from cluster.runtime.session import Session, graceful_termination, session
from cluster.runtime.tune import TuneTrials, run_trials
from cluster.runtime.watch import cluster_watch
from grid.codec_training.progress import HistoryLine
from grid.codec_training.stage import OnHistoryLine
from grid.codec_training.training import TrainingJob, run_job
from grid.codecs.controlled.spec import CodecSpec
from grid.core.errors import LostProcessError, RequestError, one_line
from grid.core.record import FAILURE, keep_failure, read_record
from grid.core.store import Store

AXIS = "codecs"
RESTARTS = 3
"""How often a training resumes after its process was killed or its machine lost."""


def train_codecs(jobs: Sequence[TrainingJob], *, address: str, report: OnHistoryLine) -> dict[str, str]:
    """Runs all `jobs`; returns the reasons of those that failed, by the name of the codec.

    All have the same device and thread count: a trial takes that many CPUs, and a GPU for `cuda`. `report` gets every
    line of every history, in this process. Equal thread counts give the bytes that `run_job` gives without Ray.
    Raises RequestError when Ray cannot be joined or this machine has no room for a single trial, and KeyboardInterrupt,
    with the signal's name, when SIGINT or SIGTERM stopped the run before all had ended. Ends the process when the
    cluster is lost (see `cluster_watch`).
    """
    with stdout_on_stderr(), session(address) as ray_session, graceful_termination(), cluster_watch() as watch:
        request = _request(jobs[0])
        _check_room(ray_session, request)
        reasons, process_errors = _run(jobs, request, report)
        watch.confirm()
    return reasons | _record_lost_processes(jobs, reasons, process_errors)


def _request(job: TrainingJob) -> dict[str, float]:
    request = {"cpu": float(job.threads)}
    return {**request, "gpu": 1.0} if job.device == "cuda" else request


def _check_room(ray_session: Session, request: dict[str, float]) -> None:
    """Raises RequestError for a request that Tune would wait for without end. A joined cluster may still grow."""
    cpus = ray_session.cpus
    if ray_session.started and request["cpu"] > cpus:
        raise RequestError(f"--threads {request['cpu']:g}: this machine has {cpus:g} CPUs; give at most so many")
    if ray_session.started and request.get("gpu", 0) > ray_session.gpus:
        raise RequestError("--device cuda: Ray finds no GPU on this machine; use --device cpu")


def _run(
    jobs: Sequence[TrainingJob], request: dict[str, float], report: OnHistoryLine
) -> tuple[dict[str, str], list[str]]:
    """The reasons of failed trainings, by name, and a line for each trial whose process was lost in every attempt."""
    from cluster.runtime.tune_callback import NotifyDriver

    by_name = {job.name: job for job in jobs}
    reasons: dict[str, str] = {}

    def on_result(result: dict[str, Any]) -> bool:
        if "line" in result:
            report(by_name[result["codec"]].spec, HistoryLine(**result["line"]))
        elif result.get("failed"):
            reasons[result["codec"]] = result["failed"]
        return False  # a line is reported before the state is saved: a restart may not get further

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
    process_errors = run_trials(trials, NotifyDriver(AXIS, on_result, lambda name: None))
    return reasons, process_errors


def _trial_name(trial: Any) -> str:
    return f"codec-{trial.config[AXIS][0]}"


def train_small_codec(config: dict[str, Any]) -> None:
    """One trial, in a worker process: reports each line of the history, and the reason of a failure, "" for success."""
    from ray import tune

    [name] = config[AXIS]

    def report(spec: CodecSpec, line: HistoryLine) -> None:
        tune.report({"codec": spec.name, "line": asdict(line)})

    tune.report({"codec": name, "failed": run_job(config["jobs"][name], report)})


def _record_lost_processes(
    jobs: Sequence[TrainingJob], reasons: Mapping[str, str], process_errors: list[str]
) -> dict[str, str]:
    """Records a failure for trainings whose process ended in every attempt without a result; their reasons, by name."""
    lost: dict[str, str] = {}
    for job in jobs:
        store = Store.open(job.root)
        if job.name not in reasons and read_record(store, job.folder) is None:
            error = LostProcessError(
                f"its process ended {RESTARTS + 1} times without a record; Ray's errors are in {FAILURE}"
            )
            keep_failure(store, job.folder, error, "\n".join(process_errors))
            lost[job.name] = one_line(error, first=True)
    return lost
