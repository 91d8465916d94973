"""The table of all cells of a grid: their status and their pooled EERs."""

from __future__ import annotations

from collections import Counter

from grid.analysis.results import CellResult, GridResults
from grid.core.vocabulary import POOLED
from grid.report.summary import missing_reason, percent
from grid.report.table import Cell, Column, Footnotes, Table, label


def status_table(results: GridResults) -> Table:
    """One row per cell in the grid's order; a cell that is not done shows its status in place of each number."""
    footnotes = Footnotes()
    evaluations = results.evaluations()
    rows = []
    for cell in results.cells:
        names = (cell.cell_id, cell.selection, cell.policy, cell.detector)
        status = Cell(cell.status, (cell.status,), footnotes.mark(_reason(cell)) if cell.status != "done" else "")
        entries = [_entry(cell, evaluation, footnotes) for evaluation in evaluations]
        rows.append((*map(label, names), Cell(str(cell.seed), (cell.seed,)), status, *entries))
    counts = Counter(cell.status for cell in results.cells)
    summary = ", ".join(f"{counts[status]} {status}" for status in ("done", "failed", "running", "missing"))
    return Table(
        name="cells",
        title="All cells",
        caption=f"Every training of {results.name}, its status and its pooled EERs in %: "
        f"{len(results.cells)} cells, {summary}.",
        columns=(
            *(Column(name, align="left") for name in ("cell", "selection", "policy", "detector")),
            Column("seed"),
            Column("status", align="left"),
            *(Column(evaluation, group="pooled EER") for evaluation in evaluations),
        ),
        rows=tuple(rows),
        notes=footnotes.notes(),
    )


def _reason(cell: CellResult) -> str:
    return missing_reason(cell, "", "")


def _entry(cell: CellResult, evaluation: str, footnotes: Footnotes) -> Cell:
    if cell.status != "done":
        return label(cell.status)
    measurement = cell.measurement(evaluation, POOLED)
    if measurement is None:
        return Cell("missing", ("missing",), footnotes.mark(missing_reason(cell, evaluation, POOLED)))
    return Cell(percent(measurement.eer), (measurement.eer,))
