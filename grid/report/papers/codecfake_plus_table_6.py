"""The CodecFake+ paper's Table VI: detectors by their training data, tested on ASVspoof 2019 LA and CoSG."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from grid.analysis.results import CellResult, GridResults
from grid.core.vocabulary import NO_CORS, POOLED, SPOOF
from grid.report.papers import PAPER_TABLES
from grid.report.papers.shared.stated_figures import DatabaseRow, PaperFigures, read_figures, word
from grid.report.summary import percent, state_cell, summarise, uncertainty
from grid.report.table import Cell, Column, Footnotes, Table, label

TEST_SETS = ("19LA", "CoSG")
PARTS = ("eer", "lower", "upper", "standard_error", "seeds", "paper", "paper_lower", "paper_upper")
CAPTION = (
    "What a detector is trained on, as Table VI of {paper} lays it out: pooled EER in % of each training (rows; the "
    "letters are the paper's) on the evaluation set of ASVspoof 2019 LA (19LA) and on generated speech (CoSG). Below "
    "each number its bootstrap interval in brackets or, over several seeds, ± its standard error, and in parentheses "
    "the figure of the paper with its interval."
)


@dataclass(frozen=True)
class FactorRow:
    """A row: one training with the cells of its seeds, and the row of the paper that it reproduces, if any.

    `detector`, `cors` and `corpora` are in the words of the paper where it has them.
    """

    detector: str
    cors: str
    corpora: str
    grid: GridResults
    cells: tuple[CellResult, ...]
    paper: DatabaseRow | None


@PAPER_TABLES.register("codecfake-plus-table-6")
def table(results: GridResults) -> Table:
    """The trainings of this experiment and of the compared ones: those of the paper in its order, then the others."""
    figures, footnotes = read_figures("codecfake_plus"), Footnotes()
    rows = sorted(_rows(results, figures), key=lambda row: _rank(row, figures))
    reproduced = {row.paper.letter for row in rows if row.paper is not None}
    absent = [row.letter for row in figures.database if row.letter not in reproduced]
    troubles = [f"Experiment {grid.name} is not here: {grid.trouble}." for grid in results.compared if grid.trouble]
    left_out = f"Rows of the paper that no experiment here trains: {', '.join(absent)}."
    return Table(
        name="codecfake-plus-table-6",
        title="CodecFake+, Table VI: training data",
        caption=CAPTION.format(paper=figures.paper),
        columns=(
            *(Column(name, align="left") for name in ("row", "detector", "CoRS", "other corpus")),
            *(Column(name, group="tested on", parts=PARTS) for name in TEST_SETS),
        ),
        rows=tuple(
            (
                label(row.paper.letter if row.paper else ""),
                *map(label, (row.detector, row.cors, row.corpora)),
                *(_entry(row, name, footnotes) for name in TEST_SETS),
            )
            for row in rows
        ),
        notes=footnotes.notes(*troubles, *([left_out] if absent else [])),
    )


def _rows(results: GridResults, figures: PaperFigures) -> Iterator[FactorRow]:
    for grid in (results, *results.compared):
        for detector in grid.detectors():
            for selection, policy in dict.fromkeys((c.selection, c.policy) for c in grid.select(detector=detector)):
                cells = grid.select(detector=detector, selection=selection, policy=policy)
                words = (
                    word(figures.detectors, detector) or detector,
                    word(figures.policies, selection) or selection,
                    word(figures.training, grid.name) or grid.name,
                )
                stated = [item for item in figures.database if (item.detector, item.cors, item.corpora) == words]
                yield FactorRow(*words, grid, cells, stated[0] if stated and policy in (NO_CORS, SPOOF) else None)


def _rank(row: FactorRow, figures: PaperFigures) -> int:
    return figures.database.index(row.paper) if row.paper is not None else len(figures.database)


def _entry(row: FactorRow, evaluation: str, footnotes: Footnotes) -> Cell:
    summary = summarise(row.cells, evaluation, POOLED)
    if summary.state != "done":
        return state_cell(summary, len(PARTS), footnotes)
    stated, lower, upper = _stated(row.paper, evaluation)
    words = "" if math.isnan(stated) else percent(stated)
    bounds = "" if math.isnan(lower) else f" [{percent(lower)}, {percent(upper)}]"
    details = tuple(filter(None, (uncertainty(summary), f"({words}{bounds})" if words else "")))
    mark = footnotes.mark("mean of the other seeds; " + "; ".join(summary.troubles)) if summary.troubles else ""
    values = (summary.mean, summary.lower, summary.upper, summary.standard_error, summary.count, stated, lower, upper)
    return Cell(percent(summary.mean), values, mark, details)


def _stated(paper: DatabaseRow | None, evaluation: str) -> tuple[float, float, float]:
    """The paper's EER and its interval, as fractions; NaN where it has none."""
    if paper is None or evaluation not in paper.percent:
        return math.nan, math.nan, math.nan
    lower, upper = paper.interval.get(evaluation, (math.nan, math.nan))
    return paper.percent[evaluation] / 100, lower / 100, upper / 100
