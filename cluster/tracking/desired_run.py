"""The content that an MLflow run should have, and the tags by which codecgrid knows its own runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

RunStatus = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]
VALUE_LENGTH = 5000  # MLflow cuts tags at 8000 characters, and a value that was cut would never agree

KIND, CELL_ID = "codecgrid.kind", "cell_id"
PARENT, NOTE = "mlflow.parentRunId", "mlflow.note.content"
SOURCE, SOURCE_TYPE, COMMIT = "mlflow.source.name", "mlflow.source.type", "mlflow.source.git.commit"
CURRENT = "codecgrid.current"
"""Tag: `yes` for the run of a cell as the grid has it now, `no` for one that was trained anew or left the grid."""
REPLACED_BY = "replaced by"
"""Tag of a run that is not current: the run that replaced it."""
WEIGHTS_DIGEST = "weights"
"""Tag: the first characters of the SHA-256 of the weights. Other weights are another training, and another run."""
STAMP = "codecgrid.stamp"
"""Tag: the state of the store that the run shows in full; see `cluster.tracking.stamps`."""
LOGGED = "codecgrid.logged"
"""Tag: the extent to which each group of metrics is logged, as JSON."""
FILES = "codecgrid.files"
"""Tag: a digest of what the artifacts were made from."""
EVALUATIONS = "evaluations"
BASELINE = "compared with"
"""Tag: the cell id of the baseline that the differences are from; absent without one."""
ERROR, LOG, WARNINGS = "error", "log", "warnings"
REMOVABLE = (CURRENT, REPLACED_BY, STAMP, FILES, EVALUATIONS, BASELINE, ERROR, LOG, WARNINGS)
"""Tags that are deleted where the run should not have them."""


@dataclass(frozen=True)
class Point:
    """One value of a metric."""

    name: str
    value: float
    step: int = 0


@dataclass(frozen=True)
class MetricGroup:
    """Metrics that are in the run where its tag `LOGGED` has `mark` for the group.

    The mark is a digest of the metrics, or, of a group that `grows` with the steps, their number.
    """

    name: str
    mark: str
    points: tuple[Point, ...]
    grows: bool = False

    def unlogged(self, mark: str | None, logged: Mapping[str, float]) -> tuple[Point, ...]:
        """The points to log in a run with `mark` for the group and the metrics `logged`: none, new steps, or all."""
        if mark is None or not {point.name for point in self.points} <= logged.keys():
            return self.points
        if mark == self.mark:
            return ()
        if self.grows and int(mark) < int(self.mark):
            return tuple(point for point in self.points if point.step >= int(mark))
        return self.points


@dataclass(frozen=True)
class DatasetUse:
    """A corpus that a run used: its name, the digest of its manifest, and where the store has it."""

    name: str
    digest: str
    source: str
    used_for: str


@dataclass(frozen=True)
class RunFiles:
    """Artifacts of a run: `write` puts them into a folder; `mark` is a digest of what they are made from."""

    mark: str
    write: Callable[[Path], None]


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
    datasets: tuple[DatasetUse, ...] = ()
    files: RunFiles | None = None

    @property
    def all_tags(self) -> dict[str, str]:
        """The tags, with those that say what else the run has."""
        files = {FILES: self.files.mark} if self.files is not None else {}
        logged = {LOGGED: json.dumps({group.name: group.mark for group in self.groups})} if self.groups else {}
        return {key: value[:VALUE_LENGTH] for key, value in self.tags.items() if value} | files | logged


def logged_marks(tags: Mapping[str, str]) -> dict[str, str]:
    """The mark of each group of metrics that a run with these tags has."""
    return dict(json.loads(tags.get(LOGGED, "{}")))


def now() -> int:
    """Milliseconds of Unix time."""
    return milliseconds(datetime.now(UTC).isoformat())


def milliseconds(time: str) -> int:
    """Milliseconds of Unix time of an ISO 8601 time."""
    return round(1000 * datetime.fromisoformat(time).timestamp())
