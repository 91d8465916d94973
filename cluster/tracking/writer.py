"""Updates one MLflow run to its desired content, with few calls and within MLflow's limits."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cluster.tracking.client import CELL_ID, KIND, LoggedRun
from cluster.tracking.desired_runs import BASELINE, ERROR, EVALUATIONS, LOG, MEASURED, PLACES, DesiredRun, Point, now

log = logging.getLogger(__name__)

POINTS_PER_CALL = 800  # MLflow takes 1000 metrics, params and tags together, of them 100 params
PARAMS_PER_CALL = 100

NamedValues = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class RunWriter:
    """Writes the runs of one MLflow experiment."""

    client: Any
    experiment_id: str

    def write(self, run: LoggedRun | None, desired: DesiredRun) -> LoggedRun:
        """Creates `run` or updates it to `desired`; returns the result. Writes nothing if it agrees already.

        Params cannot be changed in MLflow: a run with other params (a renamed selection) is replaced.
        """
        if run is not None and any(desired.params.get(key, value) != value for key, value in run.params.items()):
            log.info("the MLflow run %s has other params than its cell and is replaced", run.run_id)
            self.client.delete_run(run.run_id)
            run = None
        written = run if run is not None else self._create(desired)
        written = self._without_stale_tags(written, desired)
        written = self._log(written, desired)
        return self._with_status(written, desired)

    def _create(self, desired: DesiredRun) -> LoggedRun:
        # with the tags that a search needs: if the next call fails, the next sync continues with this run
        tags = {key: desired.tags[key] for key in (KIND, CELL_ID) if key in desired.tags}
        run = self.client.create_run(self.experiment_id, start_time=desired.started, tags=tags, run_name=desired.name)
        return LoggedRun(run.info.run_id, run.info.status, desired.started, {}, tags, {})

    def _without_stale_tags(self, run: LoggedRun, desired: DesiredRun) -> LoggedRun:
        removable = {BASELINE, ERROR, LOG, EVALUATIONS, MEASURED}
        stale = [key for key in run.tags if (key in removable or key.startswith(PLACES)) and key not in desired.tags]
        for key in stale:
            self.client.delete_tag(run.run_id, key)
        return replace(run, tags={key: value for key, value in run.tags.items() if key not in stale})

    def _log(self, run: LoggedRun, desired: DesiredRun) -> LoggedRun:
        from mlflow.entities import Metric, Param, RunTag

        points = [point for group in desired.groups for point in group.unlogged(run.tags.get(group.tag))]
        params = [pair for pair in desired.params.items() if pair[0] not in run.params]
        tags = [pair for pair in desired.tags.items() if run.tags.get(pair[0]) != pair[1]]
        time = now()
        for some_points, some_params, some_tags in _batches(points, params, tags):
            self.client.log_batch(
                run.run_id,
                metrics=[Metric(point.name, point.value, time, point.step) for point in some_points],
                params=[Param(*pair) for pair in some_params],
                tags=[RunTag(*pair) for pair in some_tags],
            )
        return replace(run, params={**run.params, **desired.params}, tags={**run.tags, **desired.tags})

    def _with_status(self, run: LoggedRun, desired: DesiredRun) -> LoggedRun:
        if run.status == desired.status:
            return run
        if desired.status == "RUNNING":
            self.client.update_run(run.run_id, status=desired.status)
        else:
            self.client.set_terminated(run.run_id, desired.status, end_time=max(desired.ended, run.started))
        return replace(run, status=desired.status)


def _batches(
    points: Sequence[Point], params: NamedValues, tags: NamedValues
) -> Iterator[tuple[Sequence[Point], NamedValues, NamedValues]]:
    """Splits into calls of an allowed size. Tags come last, because they state which metrics are in the run."""
    while len(points) > POINTS_PER_CALL or len(params) > PARAMS_PER_CALL:
        yield points[:POINTS_PER_CALL], params[:PARAMS_PER_CALL], ()
        points, params = points[POINTS_PER_CALL:], params[PARAMS_PER_CALL:]
    if points or params or tags:
        yield points, params, tags
