"""The CDD paper's Table 4: the baseline detectors by the corpus they were trained on, over four test sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from grid.analysis.results import CellResult, GridResults
from grid.core.vocabulary import NO_CORS, POOLED
from grid.report.papers import PAPER_TABLES
from grid.report.papers.shared.beside import BESIDE, LEGEND, beside, beside_values, setup
from grid.report.papers.shared.cdd import (
    ALL,
    ASV5,
    T_CORS,
    T_COSG,
    incomparable,
    other_seeds,
    paper_detector,
    remarks,
    words,
)
from grid.report.papers.shared.published import TrainingCorpusEer, published
from grid.report.papers.shared.words import word
from grid.report.summary import percent, state_cell, summarise, uncertainty
from grid.report.table import Cell, Column, Footnotes, Table, label

NAME = "cdd-table-4"
TEST_SETS = (ASV5, T_COSG, T_CORS, ALL)
PARTS = ("eer", "lower", "upper", "standard_error", "seeds", *BESIDE)
CAPTION = (
    "How far the training corpus carries, as Table 4 of {paper} lays it out: pooled EER in % of the detectors trained "
    "without resynthesised speech on each corpus (rows) and tested on four sets of trials (columns). Below each number "
    "its bootstrap interval in brackets or, over several seeds, ± its standard error; {legend}. {setup}"
)


@dataclass(frozen=True)
class DetectorRow:
    """A row: a detector trained without CoRS on one corpus (`training`), and the cells of its seeds in their grid."""

    detector: str
    training: str
    grid: GridResults
    cells: tuple[CellResult, ...]


@PAPER_TABLES.register(NAME)
def table(results: GridResults) -> Table:
    """One row per training corpus and detector: those of the paper in its order, then the others."""
    footnotes = Footnotes()
    paper = not incomparable(results)
    alone = [] if results.compared else ["No other experiment is compared: name its file under `compare`."]
    rows = [
        (
            label(paper_detector(row.detector)),
            label(row.training),
            *(_entry(row, evaluation, paper, footnotes) for evaluation in TEST_SETS),
        )
        for row in sorted(_rows(results), key=_place)
    ]
    return Table(
        name=NAME,
        title="CDD, Table 4: training corpora",
        caption=CAPTION.format(paper=words().paper, legend=LEGEND, setup=setup(results, words())),
        columns=(
            Column("detector", align="left"),
            Column("trained on", align="left"),
            *(Column(name, group="tested on", parts=PARTS) for name in TEST_SETS),
        ),
        rows=tuple(rows),
        notes=footnotes.notes(*alone, *remarks(results, NAME)),
    )


def _rows(results: GridResults) -> Iterator[DetectorRow]:
    """The baselines of this experiment, then of those compared with it, each with the detectors of this one."""
    for grid in (results, *results.compared):
        training = word(words().training, grid.name) or grid.name
        for detector in results.detectors():
            baselines = grid.select(detector=detector, policy=NO_CORS)
            if not baselines:
                yield DetectorRow(detector, training, grid, ())
            for selection in dict.fromkeys(cell.selection for cell in baselines):
                cells = tuple(cell for cell in baselines if cell.selection == selection)
                yield DetectorRow(detector, f"{training}, {selection}" if cells[0].codecs else training, grid, cells)


def _place(row: DetectorRow) -> tuple[int, int]:
    corpora, detectors = list(words().training), list(words().detectors)
    detector = paper_detector(row.detector)
    return (
        corpora.index(row.training) if row.training in corpora else len(corpora),
        detectors.index(detector) if detector in detectors else len(detectors),
    )


def stated(detector: str, training: str, evaluation: str) -> float | None:
    """The EER of the paper (a fraction), None where it has none."""
    for row in published(NAME, TrainingCorpusEer):
        if (row.detector, row.training, row.evaluation) == (detector, training, evaluation):
            return row.percent / 100
    return None


def _entry(row: DetectorRow, evaluation: str, paper: bool, footnotes: Footnotes) -> Cell:
    summary = summarise(row.cells, evaluation, POOLED)
    if not row.cells:
        reason = row.grid.trouble or f"experiment {row.grid.name} trains no {row.detector} without resynthesised speech"
        return Cell("missing", ("missing",) * len(PARTS), footnotes.mark(reason))
    if summary.state != "done":
        return state_cell(summary, len(PARTS), footnotes)
    printed = stated(paper_detector(row.detector), row.training, evaluation) if paper else None
    bounds = (summary.lower, summary.upper, summary.standard_error, summary.count)
    return Cell(
        percent(summary.mean),
        (summary.mean, *bounds, *beside_values(summary.mean, printed)),
        other_seeds(summary.troubles, footnotes),
        (*filter(None, [uncertainty(summary)]), *beside(summary.mean, printed)),
    )
