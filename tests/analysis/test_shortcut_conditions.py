"""The shortcut conditions of a grid: those of finished cells, and a cell whose scores are damaged is named."""

from __future__ import annotations

from pathlib import Path

from grid.analysis.results import results_from_store
from grid.analysis.shortcut_conditions import shortcut_results
from grid.cells.job import scores_folder
from grid.report.faults import Fault
from grid.report.make import collect
from grid.run_cell import run_cell
from grid.scoring.score_tables import SCORES
from tests.support.tiny_grid import tiny


def test_damaged_scores_of_a_shortcut_condition_are_a_fault_of_the_report(tmp_path: Path) -> None:
    made = tiny(
        tmp_path,
        grid={"policies": ["none"]},
        evaluations={"Plain": {"bonafide": "raw", "spoof": "attack"}},
        shortcut_controls={"controls": ["equal-level"]},
    )
    grid = made.rendered()
    (job,) = grid.cells
    assert run_cell(made.store, job, grid.experiment, gpu=False)
    assert [cell.cell_id for cell in shortcut_results(made.store, grid).cells] == [job.cell_id]

    made.store.write_bytes(f"{scores_folder(job.folder, job.probed[0])}/{SCORES}", b"damaged")
    for file in made.store.names(job.folder):
        if file.startswith("shortcut-conditions-"):
            made.store.remove(f"{job.folder}/{file}")
    assert set(shortcut_results(made.store, grid).missing) == {job.cell_id}
    faults: list[Fault] = []
    collect(grid, made.store, lambda of: results_from_store(made.store, of.experiment, of.cells), faults)
    assert [fault.part for fault in faults] == [f"the results of cell {job.cell_id}"]
