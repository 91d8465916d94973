"""The MLflow run of a grid, the parent of the runs of its cells: counts, the table of EERs, the report, the plan."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import get_args

from cluster.tracking import desired_run as run
from cluster.tracking import names
from cluster.tracking.client import LoggedRun
from cluster.tracking.desired_run import DesiredRun, MetricGroup, Point, RunFiles, RunStatus
from grid.cells.job import CellJob
from grid.config.experiment import Experiment
from grid.core.identity import digest
from grid.core.store import Store
from grid.core.table_text import to_cell
from grid.core.vocabulary import Status

STATUSES = get_args(Status)
PIVOT = "eer_percent.json"
PLAN = "cells.csv"
LOGGED_TABLES = "mlflow.loggedArtifacts"
"""Tag: the tables that MLflow shows and compares, as `MlflowClient.log_table` writes it; this table replaces itself,
where `log_table` would add its rows once more."""


@dataclass(frozen=True)
class GridProgress:
    """The state of a grid: the status of each cell by its id, and the runs of the cells that began."""

    cells: Sequence[CellJob]
    statuses: Mapping[str, str]
    runs: Mapping[str, LoggedRun]

    def counts(self) -> Counter[str]:
        """The number of cells in each status."""
        return Counter(self.statuses.get(job.cell_id, "missing") for job in self.cells)


def desired_grid_run(
    store: Store, experiment: Experiment, progress: GridProgress, *, live: bool, source: str, commit: str
) -> DesiredRun:
    """The run of a grid. `live`: the grid is being run, by the command `source` with the code of `commit` ("" where it
    is not known); its artifacts are made when it is not.

    All of it can change from run to run (cells are added, the code changes), so it is stored as tags.
    """
    axes, counts = experiment.grid, progress.counts()
    tags = {
        run.KIND: "grid",
        run.NOTE: f"The grid {experiment.name}: {len(progress.cells)} cells, which are the runs below this one. "
        f"{PIVOT} has the EERs by codec, policy and detector, report/index.html all tables and figures.",
        "selections": json.dumps([selection.name for selection in axes.selections]),
        "policies": json.dumps([policy.name for policy in axes.policies]),
        "detectors": json.dumps(list(axes.detectors)),
        "seeds": json.dumps(list(axes.seeds)),
        "recipe": experiment.recipe.name,
        "corpora": json.dumps([corpus.name for corpus in experiment.corpora]),
        "evaluations": json.dumps(list(experiment.evaluations)),
        LOGGED_TABLES: json.dumps([{"path": PIVOT, "type": "table"}]) if not live else "",
        run.SOURCE: source,
        run.SOURCE_TYPE: "LOCAL",
        run.COMMIT: commit,
    }
    points = tuple(Point(f"cells_{status}", counts[status]) for status in STATUSES)
    mark = " ".join(f"{counts[status]} {status}" for status in STATUSES)
    return DesiredRun(
        name=experiment.name,
        status=_status(counts, live),
        params={"experiment": experiment.name},
        tags=tags,
        groups=(MetricGroup("cells", mark, points),),
        started=run.now(),
        ended=run.now(),
        files=_files(store, experiment, progress) if not live else None,
    )


def command() -> str:
    """The command of this process."""
    return " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])


def _status(counts: Counter[str], live: bool) -> RunStatus:
    if counts["done"] == counts.total():
        return "FINISHED"
    if live or counts["running"]:
        return "RUNNING"
    return "FAILED" if counts["failed"] else "KILLED"


def _files(store: Store, experiment: Experiment, progress: GridProgress) -> RunFiles:
    pivot = eer_table(experiment, progress)
    plan = plan_csv(progress)
    page = f"reports/{experiment.name}/index.html"
    report = store.read_bytes(page) if store.exists(page) else b""
    file = json.dumps(experiment.model_dump(mode="json"), indent=1) + "\n"
    contents = {PIVOT: json.dumps(pivot).encode(), PLAN: plan.encode(), "experiment.json": file.encode()}
    contents |= {"report/index.html": report} if report else {}
    mark = digest([[name, content.decode(errors="replace")] for name, content in contents.items()])
    return RunFiles(mark, partial(_write, contents))


def _write(contents: Mapping[str, bytes], folder: Path) -> None:
    for name, content in contents.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


def eer_table(experiment: Experiment, progress: GridProgress) -> dict[str, list[object]]:
    """The pivot table, as pandas writes tables ("split"): a row for each evaluation, detector and selection, with the
    EER in percent of each policy, the mean over seeds; None where no cell is done."""
    policies = list(dict.fromkeys(job.policy for job in progress.cells))
    rows = dict.fromkeys((job.detector, job.selection) for job in progress.cells)
    eers: dict[tuple[str, ...], list[float]] = {}
    for job in progress.cells:
        logged = progress.runs.get(job.cell_id)
        for name, value in (logged.metrics if logged is not None else {}).items():
            eers.setdefault((name, job.detector, job.selection, job.policy), []).append(value)
    data: list[object] = []
    for evaluation in experiment.evaluations:
        for row in rows:
            found = [eers.get((names.eer_name(evaluation), *row, policy)) for policy in policies]
            data.append([evaluation, *row, *(round(fmean(values), 4) if values else None for values in found)])
    return {"columns": ["evaluation", "detector", "codec", *policies], "data": data}


def plan_csv(progress: GridProgress) -> str:
    """The cells of the grid with their status, one a line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["cell", "selection", "policy", "detector", "seed", "status", "run"])
    for job in progress.cells:
        logged = progress.runs.get(job.cell_id)
        status = progress.statuses.get(job.cell_id, "missing")
        row: Iterable[object] = (job.cell_id, to_cell(job.selection), to_cell(job.policy), job.detector, job.seed)
        writer.writerow([*row, status, logged.run_id if logged is not None else ""])
    return text.getvalue()
