"""The MLflow runs that the store implies, for cells and for the grid: name, status, params, tags and metrics."""

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
from grid.cells.measurements import measurement_path
from grid.cells.status import RUNNING, CellState
from grid.config.experiment import Experiment
from grid.core.identity import digest
from grid.core.record import FAILURE, commit, read_record
from grid.core.store import Store
from grid.core.vocabulary import POOLED

RunStatus = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]
PARENT = "mlflow.parentRunId"
EPOCHS, TRAINED, MEASURED = "epochs", "trained", "measured"
"""Tags with the extent to which a group of metrics is logged: the number of epochs, or a digest of the metrics."""
EVALUATIONS = "evaluations"
BASELINE = "compared with"
"""Tag: the cell id of the baseline whose EERs the `difference` metrics are from, place by place; absent without one."""
ERROR, LOG = "error", "log"
PLACES = "measured at "
"""Tags `measured at 0`, ... list the measurements in their order, which MLflow does not keep for metrics."""
PLACES_PER_TAG = 40
COUNTED = "cells"
STATUSES = ("done", "failed", "running", "missing")


@dataclass(frozen=True)
class CellView:
    """A cell as the store has it: its state, its result, and the id of its baseline ("" for none)."""

    state: CellState
    result: CellResult
    baseline: str = ""

    @property
    def settled(self) -> bool:
        """Whether the cell is done and measured, so that its state cannot change any more."""
        return self.result.status == "done" and bool(self.result.measurements)

    @property
    def compared(self) -> bool:
        """Whether the differences from the baseline are computed, if there is a baseline."""
        return not self.baseline or bool(self.result.differences)

    @property
    def began(self) -> bool:
        """Whether the cell has a status or epochs to show."""
        return self.result.status != "missing" or bool(self.state.epochs)


@dataclass(frozen=True)
class Point:
    """One value of a metric."""

    name: str
    value: float
    step: int = 0


@dataclass(frozen=True)
class MetricGroup:
    """Metrics that are logged in the run if its tag `tag` has the value `mark`."""

    tag: str
    mark: str
    points: tuple[Point, ...]

    def unlogged(self, logged: str | None) -> tuple[Point, ...]:
        """The points to log when the tag has the value `logged`: none, the new epochs, or all."""
        if logged == self.mark:
            return ()
        if self.tag == EPOCHS and logged is not None and int(logged) < int(self.mark):
            return tuple(point for point in self.points if point.step >= int(logged))
        return self.points


@dataclass(frozen=True)
class DesiredRun:
    """The content that a run should have. Times are milliseconds of Unix time; `ended` counts for terminal statuses."""

    name: str
    status: RunStatus
    params: dict[str, str]
    tags: dict[str, str]
    groups: tuple[MetricGroup, ...]
    started: int
    ended: int


def desired_cell_run(store: Store, experiment: Experiment, view: CellView, parent: str) -> DesiredRun:
    """The run of one cell, a child of the run `parent`."""
    job = view.state.job
    started, ended = _times(store, view.state)
    groups = tuple(_groups(view))
    marks = {group.tag: group.mark for group in groups}
    return DesiredRun(
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
    # a cell that began but is neither done, failed nor running was killed
    statuses: dict[str, RunStatus] = {"done": "FINISHED", "failed": "FAILED", "running": "RUNNING", "missing": "KILLED"}
    return statuses[view.result.status]


def _tags(store: Store, experiment: Experiment, view: CellView) -> dict[str, str]:
    job, result, tags = view.state.job, view.result, dict[str, str]()
    if result.status == "failed":
        tags[ERROR] = result.error
        tags[LOG] = view.state.log
    if result.measurements:
        tags[EVALUATIONS] = evaluations_key(job, experiment)
        places = [metric_names.place(m) for m in result.measurements]
        chunks = [places[i : i + PLACES_PER_TAG] for i in range(0, len(places), PLACES_PER_TAG)]
        tags |= {f"{PLACES}{i}": json.dumps(chunk) for i, chunk in enumerate(chunks)}
        tags |= {BASELINE: view.baseline} if result.differences else {}
    record = read_record(store, job.folder) if view.state.results is not None else None
    if record is not None:
        provenance = record.provenance
        tags |= {
            "mlflow.source.name": " ".join(provenance.command),
            "mlflow.source.git.commit": provenance.commit,
            "host": provenance.host,
            "versions": json.dumps(provenance.versions),
            "warnings": " ".join(record.results.get("warnings", [])),
        }
    return {key: value[:VALUE_LENGTH] for key, value in tags.items() if value}


def evaluations_key(job: CellJob, experiment: Experiment) -> str:
    """The digest of the experiment's evaluations for this cell: measurements under others have another one."""
    return measurement_path(job, experiment).rsplit("/", 1)[-1].removesuffix(".json")


def measurements_digest(result: CellResult) -> str:
    """The digest of the exact measurements and differences."""
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
        # the pooled EERs in percent, for people
        pooled = [m for m in view.result.measurements if m.condition == POOLED]
        points += [Point(f"eer_percent/{metric_names.encode(m.evaluation)}", _percent(m.eer)) for m in pooled]
        yield MetricGroup(MEASURED, measurements_digest(view.result), tuple(points))


def _epoch_points(epochs: Sequence[Mapping[str, Any]]) -> Iterator[Point]:
    for step, epoch in enumerate(epochs):
        yield Point("train_loss", epoch["train_loss"], step)
        yield Point("dev_eer_percent", _percent(epoch["dev_eer"]), step)
        yield Point("learning_rate", epoch["learning_rate"], step)


def _percent(fraction: float) -> float:
    """Rounded for people: MLflow's tables print every digit, such as 27.500000000000004."""
    return round(100 * fraction, 4)


def _times(store: Store, state: CellState) -> tuple[int, int]:
    """Start and end of the cell from the store, so that a run that is mirrored late has its true duration."""
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


def desired_grid_run(experiment: Experiment, counts: Counter[str], *, live: bool, exists: bool) -> DesiredRun:
    """The run of a grid with `counts` cells in each status.

    `live`: the grid is being run. `exists`: MLflow has the run already. All of it can change from run to run (cells
    are added, the code changes), so it is stored as tags.
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
    if live or not exists:  # a sync from another checkout must not overwrite the source of the run
        tags["mlflow.source.name"] = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
        tags["mlflow.source.git.commit"] = commit()
    mark = " ".join(f"{counts[status]} {status}" for status in STATUSES)
    points = tuple(Point(f"cells_{status}", counts[status]) for status in STATUSES)
    return DesiredRun(
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
