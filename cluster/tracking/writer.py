"""Writes an MLflow run: a new one in four calls, a changed one in as few as it takes, within MLflow's limits."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cluster.tracking import desired_run as run
from cluster.tracking.artifacts import ArtifactFolder
from cluster.tracking.client import LoggedRun
from cluster.tracking.desired_run import DesiredRun, Point, logged_marks, now

log = logging.getLogger(__name__)

POINTS_PER_CALL = 800  # MLflow takes 1000 metrics, params and tags together, of them 100 params
PARAMS_PER_CALL = 100
SET_ONCE = (run.SOURCE,)
"""Tags that an existing run keeps: a sync from another checkout must not overwrite who made it."""

NamedValues = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class RunWriter:
    """Writes the runs of one MLflow experiment."""

    client: Any
    experiment_id: str
    tracking_uri: str

    def write(self, logged: LoggedRun | None, desired: DesiredRun) -> LoggedRun:
        """Creates `logged` or updates it to `desired`; returns the result. Writes nothing if it agrees already.

        The status is written last, so a run that lacks it is written once more. The run of an earlier training of the
        cell stays beside the new one. Params cannot be changed in MLflow: a run with other ones (a renamed selection)
        is deleted and created anew.
        """
        if logged is not None and _is_other_training(logged, desired):
            new = self.write(None, desired)
            self.mark_replaced(logged, new.run_id)
            return new
        facts = desired.tags | desired.params
        if logged is not None and any(facts.get(name, value) != value for name, value in logged.params.items()):
            log.info("the MLflow run %s has other params than its cell and is replaced", logged.run_id)
            self.client.delete_run(logged.run_id)
            logged = None
        incomplete = logged is None or logged.status != desired.status
        written = self._create(desired) if logged is None else self._without_stale_tags(logged, desired)
        if incomplete:
            self._put_datasets(written, desired)
        if desired.files is not None and (incomplete or written.tags.get(run.FILES) != desired.files.mark):
            self._put_files(written, desired)
        return self._with_status(self._log(written, desired, new=logged is None), desired)

    def mark_replaced(self, old: LoggedRun, successor: str) -> LoggedRun:
        """Says in a run that it is not current, and which run replaced it, "" for none."""
        tags = {run.CURRENT: "no", run.REPLACED_BY: successor}
        note = f"replaced by the run {successor}" if successor else "no cell of the grid any more"
        tags[run.NOTE] = f"{old.tags.get(run.NOTE, '').partition(' (Not current')[0]} (Not current: {note}.)"
        changed = {key: value for key, value in tags.items() if value and old.tags.get(key) != value}
        if changed:
            from mlflow.entities import RunTag

            self.client.log_batch(old.run_id, tags=[RunTag(*pair) for pair in changed.items()])
        return replace(old, tags={**old.tags, **changed})

    def _create(self, desired: DesiredRun) -> LoggedRun:
        # with all tags, which saves a call; none of them says that the run is whole, for its status is not written yet
        tags = desired.all_tags
        made = self.client.create_run(self.experiment_id, start_time=desired.started, tags=tags, run_name=desired.name)
        info = made.info
        return LoggedRun(info.run_id, info.status, desired.started, info.artifact_uri, {}, tags, {})

    def _without_stale_tags(self, logged: LoggedRun, desired: DesiredRun) -> LoggedRun:
        stale = [key for key in logged.tags if key in run.REMOVABLE and key not in desired.all_tags]
        for key in stale:
            self.client.delete_tag(logged.run_id, key)
        return replace(logged, tags={key: value for key, value in logged.tags.items() if key not in stale})

    def _put_datasets(self, logged: LoggedRun, desired: DesiredRun) -> None:
        if desired.datasets:
            from mlflow.entities import Dataset, DatasetInput, InputTag

            self.client.log_inputs(
                logged.run_id,
                [
                    DatasetInput(
                        Dataset(each.name, each.digest, "codecgrid", f'{{"uri": "{each.source}"}}'),
                        [InputTag("mlflow.data.context", each.used_for)],
                    )
                    for each in desired.datasets
                ],
            )

    def _put_files(self, logged: LoggedRun, desired: DesiredRun) -> None:
        assert desired.files is not None
        with tempfile.TemporaryDirectory(prefix="codecgrid-") as folder:
            desired.files.write(Path(folder))
            ArtifactFolder(logged.artifact_uri, self.tracking_uri).put(Path(folder))

    def _log(self, logged: LoggedRun, desired: DesiredRun, *, new: bool) -> LoggedRun:
        from mlflow.entities import Metric, Param, RunTag

        marks = {} if new else logged_marks(logged.tags)
        points = [point for group in desired.groups for point in group.unlogged(marks.get(group.name), logged.metrics)]
        params = [pair for pair in desired.params.items() if pair[0] not in logged.params]
        kept = {key: logged.tags[key] for key in SET_ONCE if key in logged.tags}
        tags = desired.all_tags | kept
        changed = [pair for pair in tags.items() if logged.tags.get(pair[0]) != pair[1]]
        time = now()
        for some_points, some_params, some_tags in _batches(points, params, changed):
            self.client.log_batch(
                logged.run_id,
                metrics=[Metric(point.name, point.value, time, point.step) for point in some_points],
                params=[Param(*pair) for pair in some_params],
                tags=[RunTag(*pair) for pair in some_tags],
            )
        return replace(
            logged,
            params={**logged.params, **desired.params},
            tags={**logged.tags, **tags},
            metrics={**logged.metrics, **{point.name: point.value for point in points}},
        )

    def _with_status(self, logged: LoggedRun, desired: DesiredRun) -> LoggedRun:
        if logged.status == desired.status:
            return logged
        if desired.status == "RUNNING":
            self.client.update_run(logged.run_id, status=desired.status)
        else:
            self.client.set_terminated(logged.run_id, desired.status, end_time=max(desired.ended, logged.started))
        return replace(logged, status=desired.status)


def _is_other_training(logged: LoggedRun, desired: DesiredRun) -> bool:
    """Whether the run is of a training that has ended and whose weights are not, or no longer, those of the cell."""
    before = logged.tags.get(run.WEIGHTS_DIGEST)
    return before is not None and before != desired.tags.get(run.WEIGHTS_DIGEST)


def _batches(
    points: Sequence[Point], params: NamedValues, tags: NamedValues
) -> Iterator[tuple[Sequence[Point], NamedValues, NamedValues]]:
    """Splits into calls of an allowed size. Tags come last, because they state which metrics are in the run."""
    while len(points) > POINTS_PER_CALL or len(params) > PARAMS_PER_CALL:
        yield points[:POINTS_PER_CALL], params[:PARAMS_PER_CALL], ()
        points, params = points[POINTS_PER_CALL:], params[PARAMS_PER_CALL:]
    if points or params or tags:
        yield points, params, tags
