"""The MLflow run of a cell: what it says of itself, its metrics, its datasets and its artifacts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any

from cluster.tracking import desired_run as run
from cluster.tracking import names
from cluster.tracking.cell_files import write_cell_files
from cluster.tracking.desired_run import DatasetUse, DesiredRun, MetricGroup, Point, RunFiles, RunStatus
from cluster.tracking.facts import GridFacts
from grid.analysis.results import CellResult
from grid.cells.job import WEIGHTS, CellJob
from grid.cells.measurements import measurement_path
from grid.cells.status import RUNNING, CellState
from grid.config.experiment import Experiment
from grid.core.identity import digest
from grid.core.record import FAILURE, Record, read_record
from grid.core.store import Store
from grid.core.vocabulary import NO_CORS, POOLED
from grid.measuring.calibrate import EvaluationCalibration
from grid.resynthesis.rendition import corpus_of

MEASURED = "measured"
"""The group of metrics of the measurements; its mark is the digest of these."""


@dataclass(frozen=True)
class CellView:
    """A cell as the store has it: its state, result and calibration, and the id of its baseline ("" for none).

    `settled`: all that can be computed from its files is there, so that it changes only if they do.
    """

    state: CellState
    result: CellResult
    calibrations: tuple[EvaluationCalibration, ...] = ()
    baseline: str = ""
    settled: bool = False
    stamp: str = ""

    @property
    def compared(self) -> bool:
        """Whether the differences from the baseline are computed, if there is a baseline."""
        return not self.baseline or bool(self.result.differences)

    @property
    def began(self) -> bool:
        """Whether the cell has a status or epochs to show."""
        return self.result.status != "missing" or bool(self.state.epochs)


@dataclass(frozen=True)
class CellRuns:
    """Makes the desired runs of the cells of one grid, children of the run `parent`.

    `source` is the command that trains the grid, for a run that has none yet, and `commit` that of its code, "" where
    it is not known.
    """

    store: Store
    experiment: Experiment
    facts: GridFacts
    parent: str
    source: str
    commit: str

    def desired(self, view: CellView) -> DesiredRun:
        """The run of one cell."""
        job = view.state.job
        record = read_record(self.store, job.folder) if view.state.results is not None else None
        started, ended = self._times(view.state, record)
        return DesiredRun(
            name=self.facts.name(job.cell_id),
            status=_status(view),
            params=self.facts.params(job.cell_id),
            tags=self._tags(view, record),
            groups=tuple(_groups(view)),
            started=started,
            ended=ended,
            datasets=tuple(self._datasets(job)),
            files=self._files(view, record),
        )

    def _tags(self, view: CellView, record: Record | None) -> dict[str, str]:
        job, result = view.state.job, view.result
        tags = {
            run.KIND: "cell",
            run.CELL_ID: job.cell_id,
            run.CURRENT: "yes",
            run.PARENT: self.parent,
            run.NOTE: describe(job, self.experiment),
            run.SOURCE: self.source,
            run.SOURCE_TYPE: "LOCAL",
            run.COMMIT: self.commit,
            run.STAMP: view.stamp,
            "recipe": self.experiment.recipe_name(job.detector),
            **self.facts.tags(job.cell_id),
        }
        if result.status == "failed":
            tags |= {run.ERROR: result.error, run.LOG: view.state.log}
        if result.measurements:
            tags |= {run.EVALUATIONS: evaluations_key(job, self.experiment)}
            tags |= {run.BASELINE: view.baseline} if result.differences else {}
        if record is not None:
            tags |= {
                run.COMMIT: record.provenance.commit,
                run.WEIGHTS_DIGEST: record.outputs[WEIGHTS][:16],
                run.WARNINGS: " ".join(record.results.get("warnings", [])),
                "host": record.provenance.host,
            }
        return tags

    def _files(self, view: CellView, record: Record | None) -> RunFiles | None:
        """The artifacts of a cell that is trained, or that failed."""
        if view.result.status not in ("done", "failed"):
            return None
        made_from = [
            record.sha256 if record is not None else view.result.error,
            measurements_digest(view.result),
            _calibration_values(view),
        ]
        write = partial(write_cell_files, self.store, view.state.job, view.result, view.calibrations, record)
        return RunFiles(digest(made_from), write)

    def _datasets(self, job: CellJob) -> Iterator[DatasetUse]:
        """The corpora that the cell trains on or is tested on, with the digests of their manifests."""
        manifests = [part["manifest"] if isinstance(part, dict) else part for part in job.identity.get("corpora", [])]
        trained = dict.fromkeys(map(corpus_of, job.recordings))
        for name, manifest in zip(trained, manifests, strict=False):
            yield DatasetUse(name, manifest[:36], self.store.uri(f"corpora/{name}.json"), "training and test")

    def _times(self, state: CellState, record: Record | None) -> tuple[int, int]:
        """Start and end of the cell from the store, so that a run that is mirrored late has its true duration."""
        ended = run.now()
        folder = state.job.folder
        if state.status == "done" and record is not None:
            ended = run.milliseconds(record.provenance.finished)
        for status, file, key in (("failed", FAILURE, "time"), ("missing", RUNNING, "alive")):
            if state.status == status and self.store.exists(f"{folder}/{file}"):
                ended = run.milliseconds(self.store.read_json(f"{folder}/{file}")[key])
        trained = sum(epoch.get("seconds", 0.0) for epoch in state.epochs)
        return ended - round(1000 * trained), ended


def describe(job: CellJob, experiment: Experiment) -> str:
    """A sentence that says what the cell is."""
    corpora = ", ".join(dict.fromkeys(map(corpus_of, job.recordings)))
    if job.policy == NO_CORS or not job.codecs:
        cors = "without resynthesised speech"
    else:
        cors = f"with speech resynthesised by {', '.join(job.codecs)}, labelled by the policy {job.policy!r}"
    return (
        f"The detector {job.detector}, trained on {corpora} {cors} (recipe {experiment.recipe_name(job.detector)}, "
        f"seed {job.seed}). EERs are in percent; measurements.csv has every condition."
    )


def evaluations_key(job: CellJob, experiment: Experiment) -> str:
    """The digest of the experiment's evaluations for this cell: measurements under others have another one."""
    return measurement_path(job, experiment).rsplit("/", 1)[-1].removesuffix(".json")


def measurements_digest(result: CellResult) -> str:
    """The digest of the exact measurements and differences: of their text, in which every number is exact."""
    return sha256(repr((result.measurements, result.differences)).encode()).hexdigest()[:16]


def pooled_eers(result: CellResult) -> dict[str, float]:
    """The EER of each evaluation on all of its trials, as the metrics of a run have it."""
    pooled = (m for m in result.measurements if m.condition == POOLED)
    return {names.eer_name(m.evaluation): names.percent(m.eer) for m in pooled}


def _status(view: CellView) -> RunStatus:
    # a cell that began but is neither done, failed nor running was killed
    statuses: dict[str, RunStatus] = {"done": "FINISHED", "failed": "FAILED", "running": "RUNNING", "missing": "KILLED"}
    return statuses[view.result.status]


def _groups(view: CellView) -> Iterator[MetricGroup]:
    # in the order in which MLflow offers them for its plots
    if view.result.measurements:
        yield MetricGroup(MEASURED, measurements_digest(view.result), _points(pooled_eers(view.result)))
    if view.calibrations:
        values = _calibration_values(view)
        yield MetricGroup("calibrated", digest(values), _points(values))
    epochs, results = view.state.epochs, view.state.results
    if epochs:
        yield MetricGroup("epochs", str(len(epochs)), tuple(_epoch_points(epochs)), grows=True)
    if results is not None:
        numbers = {names.EPOCHS: results.get("epochs", len(epochs))}
        numbers |= {names.BEST_DEV_EER: names.percent(results["dev_eer"])} if "dev_eer" in results else {}
        numbers |= {names.SECONDS: results["seconds"]} if "seconds" in results else {}
        yield MetricGroup("trained", digest(numbers), _points(numbers))


def _calibration_values(view: CellView) -> dict[str, float]:
    return {
        name: value
        for item in view.calibrations
        for name, value in names.calibration_metrics(item.evaluation, item.calibration).items()
    }


def _points(values: Mapping[str, float]) -> tuple[Point, ...]:
    return tuple(Point(name, float(value)) for name, value in values.items())


def _epoch_points(epochs: Sequence[Mapping[str, Any]]) -> Iterator[Point]:
    for step, epoch in enumerate(epochs):
        yield Point(names.TRAIN_LOSS, epoch["train_loss"], step)
        yield Point(names.DEV_EER, names.percent(epoch["dev_eer"]), step)
        yield Point(names.LEARNING_RATE, epoch["learning_rate"], step)
