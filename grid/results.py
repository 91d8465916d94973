"""The results of a grid, read from its store: what a report shows, and what MLflow must show as well."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from grid.baseline import baseline_of
from grid.codecs.catalogue import load_catalogue
from grid.compare import compare_cell
from grid.config.experiment import Experiment
from grid.job import CellJob
from grid.measure import measure_cell, measurement_path
from grid.metrics.differences import Difference
from grid.metrics.evaluation import Measurement
from grid.report.data import CellResult, CodecFacts, DetectorFacts, GridResults
from grid.status import CellState, cell_state
from grid.store import Store

log = logging.getLogger(__name__)

ERROR_LENGTH = 1000


def results_from_store(store: Store, experiment: Experiment, cells: Sequence[CellJob]) -> GridResults:
    """The results of `cells`; those that are done and not measured, or not compared yet, are so now."""
    results = [cell_result(store, experiment, cell_state(store, job), baseline_of(job, cells)) for job in cells]
    return grid_results(experiment, cells, results)


def grid_results(experiment: Experiment, jobs: Sequence[CellJob], cells: Iterable[CellResult]) -> GridResults:
    """The cells with the facts of every codec that they train or test on, in the catalogue's order."""
    found = tuple(cells)
    tested = (name for cell in found for m in cell.measurements for name in _codecs(m.condition))
    return GridResults(
        experiment.name,
        found,
        codec_facts({*experiment.codec_names(), *tested}),
        {job.detector: detector_facts(job) for job in jobs},
    )


def detector_facts(job: CellJob) -> DetectorFacts:
    """What the detector of `job` gives: a logit, or a sum of cosines."""
    backend = job.detector_spec.resolved_backend()
    return DetectorFacts(job.detector, backend.outputs if backend.head == "cosines" else 0)


def codec_facts(names: set[str]) -> dict[str, CodecFacts]:
    """What the catalogue says of the codecs called `names`, in its order; a name it does not know is left out."""
    return {
        entry.name: CodecFacts(
            name=entry.name,
            qua=entry.qua,
            aux=entry.aux,
            dec=entry.dec,
            group=entry.group,
            letter=entry.letters.codecfake_plus or entry.letters.codecfake or "",
        )
        for entry in load_catalogue()
        if entry.name in names
    }


def cell_result(
    store: Store,
    experiment: Experiment,
    state: CellState,
    baseline: CellJob | None = None,
    *,
    measure: bool = True,
) -> CellResult:
    """The result of one cell; a done cell that cannot be measured counts as failed, with the reason.

    `baseline` is the cell to compare it with; when that is done as well, the result has the differences. With
    `measure=False` nothing is computed: a done cell that is not measured yet has no measurements.
    """
    status, error = state.status, state.error
    measurements: tuple[Measurement, ...] = ()
    if status == "done" and (measure or store.exists(measurement_path(state.job, experiment))):
        try:
            measurements = tuple(measure_cell(store, state.job, experiment))
        except (OSError, ValueError) as reason:
            log.warning("cell %s cannot be measured: %s", state.job.cell_id, reason)
            status, error = "failed", _one_line(reason)
    return CellResult(
        cell_id=state.job.cell_id,
        selection=state.job.selection,
        codecs=state.job.codecs,
        policy=state.job.policy,
        detector=state.job.detector,
        seed=state.job.seed,
        status=status,
        error=error,
        measurements=measurements,
        differences=_differences(store, experiment, state.job, baseline, measure) if measurements else (),
    )


def _differences(
    store: Store, experiment: Experiment, job: CellJob, baseline: CellJob | None, anew: bool
) -> tuple[Difference, ...]:
    if baseline is None or cell_state(store, baseline).status != "done":
        return ()
    try:
        return tuple(compare_cell(store, job, baseline, experiment, anew=anew))
    except (OSError, ValueError) as reason:
        log.warning("cell %s cannot be compared with %s: %s", job.cell_id, baseline.cell_id, reason)
        return ()


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:ERROR_LENGTH]


def _codecs(condition: str) -> list[str]:
    """The codecs that a condition such as `codec=NAME` or `attack=NAME,codec=NAME` names."""
    parts = (part.partition("=") for part in condition.split(","))
    return [value for key, _, value in parts if key.endswith("codec") and value]
