"""The calibration of every finished cell of a grid, read from its store."""

from __future__ import annotations

from dataclasses import dataclass, field

from grid.cells.status import cell_states
from grid.core.errors import RequestError, one_line
from grid.core.store import Store
from grid.experiment.grid import Grid
from grid.measuring.calibrate import calibrate_cell
from grid.metrics.calibration import Calibration
from grid.metrics.det_curve import DetCurve


@dataclass(frozen=True)
class CellCalibration:
    """The calibration and the DET curve of one cell on all trials of one evaluation."""

    cell_id: str
    policy: str
    detector: str
    evaluation: str
    calibration: Calibration
    det: DetCurve


@dataclass(frozen=True)
class Calibrations:
    """Finished cells on every evaluation, and the reason, by id, for each that could not be calibrated."""

    cells: tuple[CellCalibration, ...] = ()
    missing: dict[str, str] = field(default_factory=dict)


def calibrations(store: Store, grid: Grid) -> Calibrations:
    """Those of every finished cell; computed now where a cell lacks them."""
    cells: list[CellCalibration] = []
    missing: dict[str, str] = {}
    for job in (state.job for state in cell_states(store, grid.cells) if state.status == "done"):
        try:
            found = calibrate_cell(store, job, grid.experiment)
        except (RequestError, OSError) as error:  # damaged scores, or renditions that are not in this store
            missing[job.cell_id] = one_line(error, kind=False)
            continue
        cells += [
            CellCalibration(job.cell_id, job.policy, job.detector, item.evaluation, item.calibration, item.det)
            for item in found
        ]
    return Calibrations(tuple(cells), missing)
