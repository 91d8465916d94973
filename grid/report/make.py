"""Makes a report: reads its results, then writes its tables, figures and pages.

A part that cannot be read or made is named in the report itself, and the other parts are still written.
"""

from __future__ import annotations

import logging
import shlex
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from grid.analysis.artefacts import read_artefacts
from grid.analysis.calibration import Calibrations, calibrations
from grid.analysis.classes import ClassResults, class_results
from grid.analysis.corpus_audit import read_audit
from grid.analysis.effects.compute import effects
from grid.analysis.mos import read_mos
from grid.analysis.results import GridResults
from grid.analysis.shortcut_conditions import ShortcutResults, shortcut_results
from grid.analysis.shortcuts import measure_shortcuts
from grid.analysis.significance import significance
from grid.config.experiment import Experiment
from grid.core.errors import RequestError
from grid.core.record import provenance
from grid.core.store import Store
from grid.experiment.frozen import read_experiment
from grid.experiment.grid import Grid, load_experiment, resolve
from grid.report.about import describe, left_out
from grid.report.assemble import assemble
from grid.report.faults import TRACES, Fault, attempt, traces

log = logging.getLogger(__name__)

ReadResults = Callable[[Grid], GridResults]
"""Reads the results of a grid, from its store or from MLflow; both give the same report."""


@dataclass(frozen=True)
class MadeReport:
    """A report as far as it could be made: its HTML page, the faults, and the file with their tracebacks."""

    page: str | None
    faults: tuple[Fault, ...] = ()
    traces: str | None = None


def make_report(grid: Grid, store: Store, read: ReadResults, folder: str | None = None) -> MadeReport:
    """Writes all of the report that can be made; RequestError if the experiment requests something that does not exist.

    `folder` defaults to `reports/NAME` in the store. On an object store a report replaces the one before as a whole.
    """
    own = f"reports/{grid.experiment.name}"
    if folder is not None or store.is_local:
        return _make(grid, store, read, Path(folder or store.uri(own)))
    with tempfile.TemporaryDirectory(prefix="codecgrid-report-") as temporary:
        return _keep_in_store(store, own, _make(grid, store, read, Path(temporary)), Path(temporary))


def _make(grid: Grid, store: Store, read: ReadResults, target: Path) -> MadeReport:
    faults: list[Fault] = []
    try:
        made_by = {"command": shlex.join(provenance().command), "commit": provenance().commit}
        about = describe(grid.experiment, grid.renditions, **made_by)
        nothing: tuple[str, ...] = ()
        lost = attempt("what is left out", lambda: left_out(store, grid.renditions), nothing, faults)
        about = replace(about, left_out=lost)
        assemble(collect(grid, store, read, faults), target, about, faults)
    except RequestError:
        raise
    except Exception as error:  # the trainings are done and stay done, whatever fails in their report
        faults.append(Fault.of("the report", error))
        return MadeReport(None, tuple(faults), _keep_traces(target, faults))
    page = target / "index.html"
    return MadeReport(str(page) if page.is_file() else None, tuple(faults), _keep_traces(target, faults))


def collect(grid: Grid, store: Store, read: ReadResults, faults: list[Fault]) -> GridResults:
    """The results of a grid with all that a report shows; what cannot be read is added to `faults` and left out."""
    tested = [folder for cell in grid.cells for folder in cell.scored]
    compared = [
        attempt(f"the comparison with {path}", partial(_compared, path, grid.experiment, store, read), None, faults)
        for path in grid.experiment.compare
    ]
    results = replace(
        read(grid),
        compared=tuple(item for item in compared if item is not None),
        artefacts=attempt("the artefacts", lambda: read_artefacts(store, grid), None, faults),
        significance=attempt("the significance tests", lambda: significance(store, grid), (), faults),
        effects=attempt("the effects of codec attributes", lambda: effects(store, grid), (), faults),
        shortcuts=attempt("the shortcuts", lambda: measure_shortcuts(store, grid.experiment, tested), (), faults),
        audit=attempt("the audit of the corpora", lambda: read_audit(store, grid.experiment), None, faults),
        mos=attempt("MOS", lambda: read_mos(store, grid.experiment, tested), None, faults),
        calibrations=attempt("the calibration", lambda: calibrations(store, grid), Calibrations(), faults),
        shortcut_conditions=attempt(
            "the shortcut conditions", lambda: shortcut_results(store, grid), ShortcutResults(), faults
        ),
        classes=attempt("the classes", lambda: class_results(store, grid), ClassResults(), faults),
    )
    faults += _damaged_cells(results)
    return results


def _damaged_cells(results: GridResults) -> list[Fault]:
    """One fault for each finished cell whose files cannot be used; the calibration reads them also beside MLflow."""
    reasons = {cell.cell_id: cell.error for cell in results.cells if cell.is_damaged}
    beside = results.calibrations.missing | results.classes.missing | results.shortcut_conditions.missing
    reasons = beside | reasons
    return [Fault(f"the results of cell {cell_id}", reason) for cell_id, reason in reasons.items()]


def _compared(path: str, experiment: Experiment, store: Store, read: ReadResults) -> GridResults:
    """The results of an experiment to compare with, from the same store; empty, with `trouble`, if it was not run."""
    config = experiment.folder / path
    other, _ = load_experiment(config)
    try:
        read_experiment(store, other.name)
        grid = resolve(config, store)
    except RequestError as error:
        return GridResults(other.name, (), trouble=str(error))
    return read(grid)


def _keep_traces(target: Path, faults: Sequence[Fault]) -> str | None:
    """Writes the tracebacks beside the page, or removes those of an earlier report; None where there are none."""
    path = target / TRACES
    try:
        if faults:
            target.mkdir(parents=True, exist_ok=True)
            path.write_text(traces(faults), encoding="utf-8")
            return str(path)
        path.unlink(missing_ok=True)
    except OSError as error:  # a folder that cannot be written is already among the faults
        log.warning("tracebacks were not written: %s", error)
    return None


def _keep_in_store(store: Store, folder: str, made: MadeReport, written: Path) -> MadeReport:
    """Copies a report from the local folder `written` to `folder` of an object store."""
    files = {path.relative_to(written).as_posix(): path for path in sorted(written.rglob("*")) if path.is_file()}
    try:
        store.remove(folder)
        for name, path in files.items():
            store.write_bytes(f"{folder}/{name}", path.read_bytes())
    except OSError as error:  # of the store: the trainings are done and stay done
        return MadeReport(None, (*made.faults, Fault.of("the report", error)))
    page = store.uri(f"{folder}/index.html") if made.page else None
    return MadeReport(page, made.faults, store.uri(f"{folder}/{TRACES}") if made.traces else None)
