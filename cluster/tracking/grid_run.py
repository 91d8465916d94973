"""What the MLflow run of a whole grid should say: the parent of its cells' runs, with its axes and its progress."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from cluster.tracking.client import KIND
from cluster.tracking.params import VALUE_LENGTH
from cluster.tracking.wanted import MetricGroup, Point, RunStatus, WantedRun, now
from grid.config.experiment import Experiment
from grid.record import commit

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
        status=_status(counts, live),
        params={"experiment": experiment.name},
        tags={key: value[:VALUE_LENGTH] for key, value in tags.items()} | {COUNTED: mark},
        groups=(MetricGroup(COUNTED, mark, points),),
        started=now(),
        ended=now(),
    )


def _status(counts: Counter[str], live: bool) -> RunStatus:
    if counts["done"] == counts.total():
        return "FINISHED"
    if live or counts["running"]:
        return "RUNNING"
    return "FAILED" if counts["failed"] else "KILLED"
