"""The CDD paper's Table 4: the baseline detectors by the corpus they were trained on, over four test sets."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from grid.analysis.results import CellResult, GridResults
from grid.core.vocabulary import NO_CORS, POOLED
from grid.report.papers import PAPER_TABLES
from grid.report.papers.shared.cdd import (
    ALL,
    ASV5,
    T_CORS,
    T_COSG,
    figures,
    incomparable,
    other_seeds,
    paper_detector,
    remarks,
)
from grid.report.papers.shared.stated_figures import word
from grid.report.summary import percent, state_cell, summarise, uncertainty
from grid.report.table import Cell, Column, Footnotes, Table, label

TABLE = 4
TEST_SETS = (ASV5, T_COSG, T_CORS, ALL)
PARTS = ("eer", "lower", "upper", "standard_error", "seeds", "paper")
CAPTION = (
    "How far the training corpus carries, as Table 4 of {paper} lays it out: pooled EER in % of the detectors trained "
    "without resynthesised speech on each corpus (rows) and tested on four sets of trials (columns). Below each number "
    "its bootstrap interval in brackets or, over several seeds, ± its standard error, and in parentheses the figure of "
    "the paper."
)


@dataclass(frozen=True)
class DetectorRow:
    """A row: a detector trained without CoRS on one corpus (`training`), and the cells of its seeds in their grid."""

    detector: str
    training: str
    grid: GridResults
    cells: tuple[CellResult, ...]


@PAPER_TABLES.register("cdd-table-4")
def table(results: GridResults) -> Table:
    """One row per detector and experiment: the baseline of this experiment, then of those compared with it."""
    footnotes = Footnotes()
    paper = not incomparable(results)
    alone = [] if results.compared else ["No other experiment is compared: name its file under `compare`."]
    rows = [
        (
            label(paper_detector(row.detector)),
            label(row.training),
            *(_entry(row, evaluation, paper, footnotes) for evaluation in TEST_SETS),
        )
        for detector in results.detectors()
        for row in _rows(results, detector)
    ]
    return Table(
        name="cdd-table-4",
        title="CDD, Table 4: training corpora",
        caption=CAPTION.format(paper=figures().paper),
        columns=(
            Column("detector", align="left"),
            Column("trained on", align="left"),
            *(Column(name, group="tested on", parts=PARTS) for name in TEST_SETS),
        ),
        rows=tuple(rows),
        notes=footnotes.notes(*alone, *remarks(results, TABLE)),
    )


def _rows(results: GridResults, detector: str) -> Iterator[DetectorRow]:
    for grid in (results, *results.compared):
        training = word(figures().training, grid.name) or grid.name
        baselines = grid.select(detector=detector, policy=NO_CORS)
        if not baselines:
            yield DetectorRow(detector, training, grid, ())
        for selection in dict.fromkeys(cell.selection for cell in baselines):
            cells = tuple(cell for cell in baselines if cell.selection == selection)
            yield DetectorRow(detector, f"{training}, {selection}" if cells[0].codecs else training, grid, cells)


def _entry(row: DetectorRow, evaluation: str, paper: bool, footnotes: Footnotes) -> Cell:
    summary = summarise(row.cells, evaluation, POOLED)
    if not row.cells:
        reason = row.grid.trouble or f"experiment {row.grid.name} trains no {row.detector} without resynthesised speech"
        return Cell("missing", ("missing",) * len(PARTS), footnotes.mark(reason))
    if summary.state != "done":
        return state_cell(summary, len(PARTS), footnotes)
    names = {"detector": paper_detector(row.detector), "training": row.training}
    stated = figures().eer(TABLE, **names, key=evaluation) if paper else None
    details = tuple(filter(None, (uncertainty(summary), "" if stated is None else f"({percent(stated)})")))
    bounds = (summary.lower, summary.upper, summary.standard_error, summary.count)
    values = (summary.mean, *bounds, math.nan if stated is None else stated)
    return Cell(percent(summary.mean), values, other_seeds(summary.troubles, footnotes), details)
