"""Brings one MLflow run to what it should say, with as few calls as that takes and within MLflow's limits."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cluster.tracking.client import CELL_ID, KIND, LoggedRun
from cluster.tracking.desired_runs import BASELINE, ERROR, EVALUATIONS, LOG, MEASURED, PLACES, Point, WantedRun, now

log = logging.getLogger(__name__)

POINTS_PER_CALL = 800  # MLflow takes 1000 metrics, params and tags together, of them 100 params
PARAMS_PER_CALL = 100

NamedValues = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class RunWriter:
    """Writes the runs of one MLflow experiment."""

    client: Any
    experiment_id: str

    def write(self, run: LoggedRun | None, wanted: WantedRun) -> LoggedRun:
        """Makes or changes `run` to what is wanted and gives it as it is now; writes nothing if it says so already.

        Params cannot be changed in MLflow: a run whose params are others (a renamed selection) is replaced.
        """
        if run is not None and any(wanted.params.get(key, value) != value for key, value in run.params.items()):
            log.info("the MLflow run %s says something else of its cell and is replaced", run.run_id)
            self.client.delete_run(run.run_id)
            run = None
        written = run if run is not None else self._create(wanted)
        written = self._without_stale_tags(written, wanted)
        written = self._log(written, wanted)
        return self._with_status(written, wanted)

    def _create(self, wanted: WantedRun) -> LoggedRun:
        # with the tags it is found by: if the next call fails, the next sync goes on with this run
        tags = {key: wanted.tags[key] for key in (KIND, CELL_ID) if key in wanted.tags}
        run = self.client.create_run(self.experiment_id, start_time=wanted.started, tags=tags, run_name=wanted.name)
        return LoggedRun(run.info.run_id, run.info.status, wanted.started, {}, tags, {})

    def _without_stale_tags(self, run: LoggedRun, wanted: WantedRun) -> LoggedRun:
        passing = {BASELINE, ERROR, LOG, EVALUATIONS, MEASURED}
        stale = [key for key in run.tags if (key in passing or key.startswith(PLACES)) and key not in wanted.tags]
        for key in stale:
            self.client.delete_tag(run.run_id, key)
        return replace(run, tags={key: value for key, value in run.tags.items() if key not in stale})

    def _log(self, run: LoggedRun, wanted: WantedRun) -> LoggedRun:
        from mlflow.entities import Metric, Param, RunTag

        points = [point for group in wanted.groups for point in group.unlogged(run.tags.get(group.tag))]
        params = [pair for pair in wanted.params.items() if pair[0] not in run.params]
        tags = [pair for pair in wanted.tags.items() if run.tags.get(pair[0]) != pair[1]]
        time = now()
        for some_points, some_params, some_tags in _batches(points, params, tags):
            self.client.log_batch(
                run.run_id,
                metrics=[Metric(point.name, point.value, time, point.step) for point in some_points],
                params=[Param(*pair) for pair in some_params],
                tags=[RunTag(*pair) for pair in some_tags],
            )
        return replace(run, params={**run.params, **wanted.params}, tags={**run.tags, **wanted.tags})

    def _with_status(self, run: LoggedRun, wanted: WantedRun) -> LoggedRun:
        if run.status == wanted.status:
            return run
        if wanted.status == "RUNNING":
            self.client.update_run(run.run_id, status=wanted.status)
        else:
            self.client.set_terminated(run.run_id, wanted.status, end_time=max(wanted.ended, run.started))
        return replace(run, status=wanted.status)


def _batches(
    points: Sequence[Point], params: NamedValues, tags: NamedValues
) -> Iterator[tuple[Sequence[Point], NamedValues, NamedValues]]:
    """Calls that MLflow takes. Tags come last: they say what is in the run, so they may not run ahead of it."""
    while len(points) > POINTS_PER_CALL or len(params) > PARAMS_PER_CALL:
        yield points[:POINTS_PER_CALL], params[:PARAMS_PER_CALL], ()
        points, params = points[POINTS_PER_CALL:], params[PARAMS_PER_CALL:]
    if points or params or tags:
        yield points, params, tags
