"""The results of a grid, read from its store: cells with measurements and differences, codecs and detectors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from grid.analysis.artefacts import ArtefactResults
from grid.analysis.calibration import Calibrations
from grid.analysis.classes import ClassResults
from grid.analysis.effects.results import Effects
from grid.analysis.mos import MosResults
from grid.analysis.shortcut_conditions import ShortcutResults
from grid.analysis.shortcuts import Shortcut
from grid.analysis.significance import Significance
from grid.cells.baseline import baseline_of, baselines
from grid.cells.job import CellJob
from grid.cells.measurements import stored_measurements
from grid.cells.status import CellState, cell_state, listed_cells
from grid.codecs.catalogue import load_catalogue
from grid.config.experiment import Experiment
from grid.core.errors import RequestError, one_line
from grid.core.store import Store
from grid.core.vocabulary import POOLED, Group, Status
from grid.corpus.audit.results import Audit
from grid.measuring.compare import compare_cell
from grid.measuring.measure import measure_cell
from grid.metrics.differences import Difference
from grid.metrics.evaluation import Measurement

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CodecFacts:
    """A codec's place in the taxonomy of CodecFake+: quantiser, auxiliary objective, decoder domain; None if unknown.

    `group` is `transmission` for telephone and streaming codecs, which have no such place. `letter` is the codec's name
    in the papers, "" where it has none.
    """

    name: str
    qua: str | None = None
    aux: str | None = None
    dec: str | None = None
    group: Group = "neural"
    letter: str = ""


@dataclass(frozen=True)
class DetectorFacts:
    """Facts about a detector for a report: its score is a sum of `cosines` cosines, or a logit where that is 0."""

    name: str
    cosines: int = 0


@dataclass(frozen=True)
class CellResult:
    """One cell of the grid with its measurements; `error` says why it failed, in the words of its log.

    `differences` are from the baseline of the same seed; empty where that is absent or not done. `is_damaged` says that
    it ended and that what it left in the store cannot be used; `error` has what it is and how to mend it. MLflow knows
    such a cell as failed only, so that results compare without it.
    """

    cell_id: str
    selection: str
    codecs: tuple[str, ...]
    policy: str
    detector: str
    seed: int
    status: Status
    error: str = ""
    measurements: tuple[Measurement, ...] = ()
    differences: tuple[Difference, ...] = ()
    is_damaged: bool = field(default=False, compare=False)

    def measurement(self, evaluation: str, condition: str) -> Measurement | None:
        """The measurement of one condition, or None if this cell has none."""
        for item in self.measurements:
            if item.evaluation == evaluation and item.condition == condition:
                return item
        return None

    def difference(self, evaluation: str, condition: str) -> Difference | None:
        """The difference from the baseline on one condition, or None if this cell has none."""
        for item in self.differences:
            if item.evaluation == evaluation and item.condition == condition:
                return item
        return None


@dataclass(frozen=True)
class GridResults:
    """All cells of a grid, in the order of the tables, and the codecs they train and test on.

    `compared` are the grids of other experiments to show beside this one; `trouble` says why the results of such a grid
    are missing. `artefacts` is the comparison of codec residuals, `shortcuts` the EERs of single numbers such as the
    duration, `audit` what the files of the corpora are like, `significance` the tests against the best baseline,
    `effects` the effects of codec attributes, `mos` the predicted MOS, `calibrations` the calibration and DET curves of
    the cells, `classes` what policies of several outputs taught, `shortcut_conditions` the tests with one class encoded
    and under controls; these are read from the store, because MLflow does not hold them. `corpora` are the names of the
    corpora, and `mos_above` has the evaluations of utterances above a predicted MOS alone, with that MOS.
    """

    name: str
    cells: tuple[CellResult, ...]
    codecs: dict[str, CodecFacts] = field(default_factory=dict)
    detector_facts: dict[str, DetectorFacts] = field(default_factory=dict)
    compared: tuple[GridResults, ...] = ()
    trouble: str = ""
    artefacts: ArtefactResults | None = None
    significance: tuple[Significance, ...] = ()
    effects: tuple[Effects, ...] = ()
    shortcuts: tuple[Shortcut, ...] = ()
    audit: Audit | None = None
    mos: MosResults | None = None
    calibrations: Calibrations = field(default_factory=Calibrations)
    classes: ClassResults = field(default_factory=ClassResults)
    shortcut_conditions: ShortcutResults = field(default_factory=ShortcutResults)
    corpora: tuple[str, ...] = ()
    mos_above: dict[str, float] = field(default_factory=dict)

    def selections(self) -> list[str]:
        return _distinct(cell.selection for cell in self.cells)

    def policies(self) -> list[str]:
        return _distinct(cell.policy for cell in self.cells)

    def detectors(self) -> list[str]:
        return _distinct(cell.detector for cell in self.cells)

    def evaluations(self, measured: Callable[[str], bool] = lambda condition: condition == POOLED) -> list[str]:
        """The evaluations that some cell measured on a condition for which `measured` holds (default: pooled)."""
        return _distinct(m.evaluation for cell in self.cells for m in cell.measurements if measured(m.condition))

    def conditions(self, evaluation: str) -> list[str]:
        """The conditions of `evaluation` that some cell measured."""
        return _distinct(m.condition for cell in self.cells for m in cell.measurements if m.evaluation == evaluation)

    def test_codecs(self, evaluation: str) -> list[str]:
        """The codecs that `evaluation` has a condition for: those of the catalogue in its order, then the others."""
        names = [name for name in map(condition_codec, self.conditions(evaluation)) if name is not None]
        in_catalogue = [name for name in self.codecs if name in names]
        return in_catalogue + [name for name in names if name not in self.codecs]

    def select(
        self, *, selection: str | None = None, policy: str | None = None, detector: str | None = None
    ) -> tuple[CellResult, ...]:
        """The cells that match every argument given; with all three, the seeds of one training."""
        arguments = {"selection": selection, "policy": policy, "detector": detector}
        required = {name: value for name, value in arguments.items() if value is not None}
        return tuple(c for c in self.cells if all(getattr(c, name) == value for name, value in required.items()))

    def baseline(self, selection: str, detector: str) -> tuple[CellResult, ...]:
        """The cells trained without CoRS to compare with: those of the selection, else those without any codec."""
        return baselines(self.cells, selection, detector)


def codec_condition(codec: str) -> str:
    """The condition of the trials of one codec."""
    return f"codec={codec}"


def condition_codec(condition: str) -> str | None:
    """The codec of a condition on the codec alone, else None."""
    name, separator, value = condition.partition("=")
    return value if separator and name == "codec" and "," not in value else None


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def results_from_store(store: Store, experiment: Experiment, cells: Sequence[CellJob]) -> GridResults:
    """The results of `cells`; done cells that lack measurements or differences are measured and compared now."""
    listed = listed_cells(store, cells)
    results = [_stored_result(store, listed, experiment, job, baseline_of(job, cells)) for job in cells]
    return grid_results(experiment, cells, results)


def _stored_result(
    store: Store, listed: Store, experiment: Experiment, job: CellJob, baseline: CellJob | None
) -> CellResult:
    """The result of one cell, whose state is read from `listed`; a damaged record costs this cell alone."""
    try:
        state = cell_state(listed, job)
    except RequestError as error:
        state = CellState(job, "failed", error=one_line(error, kind=False), kind="data")
        return replace(cell_result(store, experiment, state), is_damaged=True)
    return cell_result(store, experiment, state, baseline)


def grid_results(experiment: Experiment, jobs: Sequence[CellJob], cells: Iterable[CellResult]) -> GridResults:
    """The cells, with the facts of every codec that they train or test on, in the order of the catalogue."""
    results = tuple(cells)
    tested = (name for cell in results for m in cell.measurements for name in _codecs(m.condition))
    return GridResults(
        experiment.name,
        results,
        codec_facts({*experiment.codec_names(), *tested}),
        {job.detector: detector_facts(job) for job in jobs},
        corpora=tuple(source.name for source in experiment.corpora),
        mos_above={name: e.mos_above for name, e in experiment.evaluations.items() if e.mos_above is not None},
    )


def detector_facts(job: CellJob) -> DetectorFacts:
    """Whether the score of the detector of `job` is a logit or a sum of cosines."""
    backend = job.detector_spec.resolved_backend()
    return DetectorFacts(job.detector, backend.outputs if backend.head == "cosines" else 0)


def codec_facts(names: set[str]) -> dict[str, CodecFacts]:
    """The facts of the codecs `names`, in the order of the catalogue; names that it does not have are left out."""
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

    `baseline` is the cell to compare it with; if that is done as well, the result has the differences. With
    `measure=False` nothing is computed: a done cell has the stored measurements, if they verify, or none.
    """
    status, error = state.status, state.error
    measurements: tuple[Measurement, ...] = ()
    is_damaged = False
    if status == "done":
        try:
            measured = (measure_cell if measure else stored_measurements)(store, state.job, experiment)
            measurements = tuple(measured or ())
        except (OSError, ValueError) as reason:
            log.warning("cell %s cannot be measured: %s", state.job.cell_id, reason)
            status, error, is_damaged = "failed", one_line(reason, kind=False), True
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
        is_damaged=is_damaged,
    )


def _differences(
    store: Store, experiment: Experiment, job: CellJob, baseline: CellJob | None, anew: bool
) -> tuple[Difference, ...]:
    if baseline is None:
        return ()
    try:
        if cell_state(store, baseline).status != "done":
            return ()
        return tuple(compare_cell(store, job, baseline, experiment, anew=anew))
    except (OSError, ValueError) as reason:
        log.warning("cell %s cannot be compared with %s: %s", job.cell_id, baseline.cell_id, reason)
        return ()


def _codecs(condition: str) -> list[str]:
    """The codecs that a condition such as `codec=NAME` or `attack=NAME,codec=NAME` names."""
    parts = (part.partition("=") for part in condition.split(","))
    return [value for key, _, value in parts if key.endswith("codec") and value]
