"""Calibration of a finished cell: from its scores and dev threshold, kept in a file, and shown in the report."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from grid.analysis.calibration import Calibrations, calibrations
from grid.core.record import read_record
from grid.measuring.calibrate import calibrate_cell, calibration_path
from grid.measuring.measure import measure_cell
from grid.report.figures.det import det_figures
from grid.report.tables.calibration import calibration_table
from grid.run_cell import run_cell
from tests.support.tiny_grid import tiny


@pytest.mark.slow
def test_calibration_of_a_cell_is_kept_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    made = tiny(tmp_path, grid={"selections": ["gsm-06.10"], "policies": ["spoof"]}, recipe={"epochs": 1})
    grid = made.rendered()
    (job,) = grid.cells
    assert run_cell(made.store, job, grid.experiment, gpu=False)

    found = calibrate_cell(made.store, job, grid.experiment)
    pooled = [m for m in measure_cell(made.store, job, grid.experiment) if m.condition == "pooled"]
    assert [(i.evaluation, i.calibration.eer, i.calibration.min_dcf) for i in found] == [
        (m.evaluation, m.eer, m.min_dcf) for m in pooled
    ]
    record = read_record(made.store, job.folder)
    assert record is not None
    assert record.results["dev_threshold"] is not None
    assert all(item.calibration.far is not None for item in found)

    assert made.store.exists(calibration_path(job, grid.experiment))
    monkeypatch.setattr("grid.measuring.calibrate.scored_trials", lambda *_: pytest.fail("computed again"))
    assert calibrate_cell(made.store, job, grid.experiment) == found

    every = calibrations(made.store, grid)
    table = calibration_table(every)
    assert every.missing == {}
    assert [[cell.text for cell in row[1:4]] for row in table.rows] == [[job.detector, "spoof", "1"]] * len(found)
    (figure,) = det_figures(every.cells)
    assert figure.draw(tmp_path / "det.png").read_bytes().startswith(b"\x89PNG")


def test_a_cell_whose_scores_are_gone_is_named_and_the_others_are_calibrated() -> None:
    table = calibration_table(Calibrations((), {"0123456789abcdef": "scores.parquet is damaged"}))
    assert table.rows == ()
    assert [note.text for note in table.notes] == ["Not calibrated: 0123456789abcdef: scores.parquet is damaged"]
