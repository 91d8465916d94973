"""What the MLflow run of a cell should say, from what the store says: name, status, params, tags and metrics."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from cluster.tracking import names as metric_names
from cluster.tracking.client import CELL_ID, KIND
from cluster.tracking.names import VALUE_LENGTH, cell_params
from grid.analysis.results import CellResult
from grid.cells.job import CellJob
from grid.cells.status import RUNNING, CellState
from grid.config.experiment import Experiment
from grid.core.identity import digest
from grid.core.record import FAILURE, commit, read_record
from grid.core.store import Store
from grid.core.vocabulary import POOLED
from grid.measuring.measure import measurement_path

RunStatus = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]
PARENT = "mlflow.parentRunId"
EPOCHS, TRAINED, MEASURED = "epochs", "trained", "measured"
"""Tags that say how much of a kind of metrics is in the run: a count, or the digest of what was logged."""
EVALUATIONS = "evaluations"
BASELINE = "compared with"
"""Tag: the cell id of the baseline whose EERs the `difference` metrics are from, place by place; absent without one."""
ERROR, LOG = "error", "log"
PLACES = "measured at "
"""Tags `measured at 0`, ... list the measurements in their order: MLflow gives metrics without one."""
PLACES_PER_TAG = 40


@dataclass(frozen=True)
class CellView:
    """What the store says of a cell: how far it is, its result, and the id of the cell it is compared with if any."""

    state: CellState
    result: CellResult
    baseline: str = ""

    @property
    def settled(self) -> bool:
        """Whether nothing can change any more."""
        return self.result.status == "done" and bool(self.result.measurements)

    @property
    def compared(self) -> bool:
        """Whether the differences from the baseline are there, as far as there can be any."""
        return not self.baseline or bool(self.result.differences)

    @property
    def began(self) -> bool:
        """Whether there is anything to show of it."""
        return self.result.status != "missing" or bool(self.state.epochs)


@dataclass(frozen=True)
class Point:
    """One value of a metric."""

    name: str
    value: float
    step: int = 0


@dataclass(frozen=True)
class MetricGroup:
    """Metrics that are in the run when its tag `tag` says `mark`."""

    tag: str
    mark: str
    points: tuple[Point, ...]

    def unlogged(self, logged: str | None) -> tuple[Point, ...]:
        """The points to log when the tag says `logged`: all, or for epochs those that came since."""
        if logged == self.mark:
            return ()
        if self.tag == EPOCHS and logged is not None and int(logged) < int(self.mark):
            return tuple(point for point in self.points if point.step >= int(logged))
        return self.points


@dataclass(frozen=True)
class WantedRun:
    """What a run should say. Times are milliseconds of Unix time; `ended` is of use once the status is terminal."""

    name: str
    status: RunStatus
    params: dict[str, str]
    tags: dict[str, str]
    groups: tuple[MetricGroup, ...]
    started: int
    ended: int


def wanted_cell_run(store: Store, experiment: Experiment, view: CellView, parent: str) -> WantedRun:
    """The run of one cell, a child of the run `parent`."""
    job = view.state.job
    started, ended = _times(store, view.state)
    groups = tuple(_groups(view))
    marks = {group.tag: group.mark for group in groups}
    return WantedRun(
        name=f"{job.selection} {job.policy} {job.detector} seed {job.seed}",
        status=_status(view),
        params=cell_params(job),
        tags={KIND: "cell", CELL_ID: job.cell_id, PARENT: parent, **_tags(store, experiment, view), **marks},
        groups=groups,
        started=started,
        ended=ended,
    )


def now() -> int:
    """Milliseconds of Unix time."""
    return _milliseconds(datetime.now(UTC).isoformat())


def _status(view: CellView) -> RunStatus:
    # a cell that began, is not done, did not fail and has no live process was killed
    statuses: dict[str, RunStatus] = {"done": "FINISHED", "failed": "FAILED", "running": "RUNNING", "missing": "KILLED"}
    return statuses[view.result.status]


def _tags(store: Store, experiment: Experiment, view: CellView) -> dict[str, str]:
    job, result, tags = view.state.job, view.result, dict[str, str]()
    if result.status == "failed":
        tags[ERROR] = result.error
        tags[LOG] = view.state.log
    if result.measurements:
        tags[EVALUATIONS] = evaluations_mark(job, experiment)
        places = [metric_names.place(m) for m in result.measurements]
        chunks = [places[i : i + PLACES_PER_TAG] for i in range(0, len(places), PLACES_PER_TAG)]
        tags |= {f"{PLACES}{i}": json.dumps(chunk) for i, chunk in enumerate(chunks)}
        tags |= {BASELINE: view.baseline} if result.differences else {}
    record = read_record(store, job.folder) if view.state.results is not None else None
    if record is not None:
        made = record.provenance
        tags |= {
            "mlflow.source.name": " ".join(made.command),
            "mlflow.source.git.commit": made.commit,
            "host": made.host,
            "versions": json.dumps(made.versions),
            "warnings": " ".join(record.results.get("warnings", [])),
        }
    return {key: value[:VALUE_LENGTH] for key, value in tags.items() if value}


def evaluations_mark(job: CellJob, experiment: Experiment) -> str:
    """What tells measurements under these evaluations from those under others."""
    return measurement_path(job, experiment).rsplit("/", 1)[-1].removesuffix(".json")


def measurements_mark(result: CellResult) -> str:
    """The digest of the measurements and differences, to the last bit."""
    return digest([*map(asdict, result.measurements), *map(asdict, result.differences)])


def _groups(view: CellView) -> Iterator[MetricGroup]:
    epochs = view.state.epochs
    if epochs:
        yield MetricGroup(EPOCHS, str(len(epochs)), tuple(_epoch_points(epochs)))
    if view.state.results is not None:
        numbers = {key: value for key, value in view.state.results.items() if _is_number(value)}
        if "dev_eer" in numbers:
            numbers["best_dev_eer_percent"] = _percent(numbers.pop("dev_eer"))
        numbers["train_epochs"] = numbers.pop("epochs", len(epochs))
        yield MetricGroup(TRAINED, digest(numbers), tuple(Point(key, value) for key, value in numbers.items()))
    if view.result.measurements:
        points = [
            Point(name, value) for m in view.result.measurements for name, value in metric_names.metrics(m).items()
        ]
        points += [
            Point(name, value)
            for d in view.result.differences
            for name, value in metric_names.difference_metrics(d).items()
        ]
        # the one number people look for first, in the unit of papers
        pooled = [m for m in view.result.measurements if m.condition == POOLED]
        points += [Point(f"eer_percent/{metric_names.encode(m.evaluation)}", _percent(m.eer)) for m in pooled]
        yield MetricGroup(MEASURED, measurements_mark(view.result), tuple(points))


def _epoch_points(epochs: Sequence[Mapping[str, Any]]) -> Iterator[Point]:
    for step, epoch in enumerate(epochs):
        yield Point("train_loss", epoch["train_loss"], step)
        yield Point("dev_eer_percent", _percent(epoch["dev_eer"]), step)
        yield Point("learning_rate", epoch["learning_rate"], step)


def _percent(fraction: float) -> float:
    """For people only: MLflow's tables print every digit, and 27.500000000000004 hides its neighbours."""
    return round(100 * fraction, 4)


def _times(store: Store, state: CellState) -> tuple[int, int]:
    """When the cell began and ended, as far as the store tells: a run mirrored late must not look like a short one."""
    ended = now()
    folder = state.job.folder
    record = read_record(store, folder) if state.status == "done" else None
    if record is not None:
        ended = _milliseconds(record.provenance.finished)
    for status, file, key in (("failed", FAILURE, "time"), ("missing", RUNNING, "alive")):
        if state.status == status and store.exists(f"{folder}/{file}"):
            ended = _milliseconds(store.read_json(f"{folder}/{file}")[key])
    trained = sum(epoch.get("seconds", 0.0) for epoch in state.epochs)
    return ended - round(1000 * trained), ended


def _milliseconds(time: str) -> int:
    return round(1000 * datetime.fromisoformat(time).timestamp())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


COUNTED = "cells"
STATUSES = ("done", "failed", "running", "missing")


def wanted_grid_run(experiment: Experiment, counts: Counter[str], *, live: bool, known: bool) -> WantedRun:
    """The run of a grid with `counts` cells in each status; `live` while it is being run, `known` if it is there.

    Everything in it may change from run to run (cells are added, the code moves on), so all of it is tags.
    """
    axes = experiment.grid
    tags = {
        KIND: "grid",
        "selections": json.dumps([selection.name for selection in axes.selections]),
        "policies": json.dumps([policy.name for policy in axes.policies]),
        "detectors": json.dumps(list(axes.detectors)),
        "seeds": json.dumps(list(axes.seeds)),
        "recipe": experiment.recipe,
        "corpora": json.dumps([corpus.name for corpus in experiment.corpora]),
        "evaluations": json.dumps(list(experiment.evaluations)),
    }
    if live or not known:  # a repair from another checkout must not pass for the run
        tags["mlflow.source.name"] = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
        tags["mlflow.source.git.commit"] = commit()
    mark = " ".join(f"{counts[status]} {status}" for status in STATUSES)
    points = tuple(Point(f"cells_{status}", counts[status]) for status in STATUSES)
    return WantedRun(
        name=experiment.name,
        status=_grid_status(counts, live),
        params={"experiment": experiment.name},
        tags={key: value[:VALUE_LENGTH] for key, value in tags.items()} | {COUNTED: mark},
        groups=(MetricGroup(COUNTED, mark, points),),
        started=now(),
        ended=now(),
    )


def _grid_status(counts: Counter[str], live: bool) -> RunStatus:
    if counts["done"] == counts.total():
        return "FINISHED"
    if live or counts["running"]:
        return "RUNNING"
    return "FAILED" if counts["failed"] else "KILLED"
