"""The CodecFake+ paper's Table VI: detectors by their training data, tested on ASVspoof 2019 LA and CoSG.

Below its rows is the training of Section VII-C1 on all CoRS, pooled by random sampling, which is why it balances.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from grid.analysis.results import GridResults
from grid.core.vocabulary import POOLED
from grid.report.papers import PAPER_TABLES
from grid.report.papers.shared.beside import setup
from grid.report.papers.shared.codecfake_plus import (
    COSG,
    INTERVAL_PARTS,
    MAIN_DETECTOR,
    TrainingSet,
    interval_cell,
    training_sets,
    words,
)
from grid.report.papers.shared.published import CrossTestingEer, DatabaseEer, published
from grid.report.table import Cell, Column, Footnotes, Table, label

NAME = "codecfake-plus-table-6"
POOLED_CORS = "codecfake-plus-section-7-c-1"
SECTION = "VII-C1"
ASVSPOOF = "19LA"
TEST_SETS = (ASVSPOOF, COSG)
CAPTION = (
    "What a detector is trained on, as Table VI of {paper} lays it out: pooled EER in % of each training (rows; the "
    "letters are the paper's, {section} is the training of that section on all CoRS, drawn at random) on the "
    "evaluation set of ASVspoof 2019 LA (19LA) and on generated speech (CoSG). Below each number its bootstrap "
    "interval in brackets or, over several seeds, ± its standard error; in parentheses the paper's figure with its "
    "interval, and ours minus the paper's in percentage points. {setup}"
)


@dataclass(frozen=True)
class PaperRow:
    """A row of the paper: its EERs by evaluation, with an interval where it has one (fractions)."""

    row: str
    detector: str
    trained_on: str
    eers: dict[str, tuple[float, float, float]]


@lru_cache(maxsize=1)
def paper_rows() -> tuple[PaperRow, ...]:
    """The rows of Table VI, then that of Section VII-C1."""
    rows = [
        PaperRow(
            row.row,
            row.detector,
            row.trained_on,
            {
                ASVSPOOF: (row.asvspoof2019la_percent / 100, math.nan, math.nan),
                COSG: (row.cosg_percent / 100, row.cosg_low / 100, row.cosg_high / 100),
            },
        )
        for row in published(NAME, DatabaseEer)
    ]
    more = [
        PaperRow(SECTION, MAIN_DETECTOR, row.trained_on, {row.tested_on: (row.percent / 100, math.nan, math.nan)})
        for row in published(POOLED_CORS, CrossTestingEer)
    ]
    return (*rows, *more)


@PAPER_TABLES.register(NAME)
def table(results: GridResults) -> Table:
    """The trainings of this experiment and of the compared ones: those of the paper in its order, then the others."""
    footnotes = Footnotes()
    rows = sorted(
        ((training, of_paper(training)) for training in training_sets(results)),
        key=lambda row: len(paper_rows()) if row[1] is None else paper_rows().index(row[1]),
    )
    reproduced = {paper.row for _, paper in rows if paper is not None}
    absent = [paper.row for paper in paper_rows() if paper.row not in reproduced]
    troubles = [f"Experiment {grid.name} is not here: {grid.trouble}." for grid in results.compared if grid.trouble]
    left_out = f"Rows of the paper that no experiment here trains: {', '.join(absent)}."
    return Table(
        name=NAME,
        title="CodecFake+, Table VI: training data",
        caption=CAPTION.format(paper=words().paper, section=SECTION, setup=setup(results, words())),
        columns=(
            *(Column(name, align="left") for name in ("row", "detector", "CoRS", "other corpus")),
            *(Column(name, group="tested on", parts=INTERVAL_PARTS) for name in TEST_SETS),
        ),
        rows=tuple(
            (
                label(paper.row if paper else ""),
                *map(label, (training.detector, training.cors, training.corpora)),
                *(_entry(training, paper, name, footnotes) for name in TEST_SETS),
            )
            for training, paper in rows
        ),
        notes=footnotes.notes(*troubles, *([left_out] if absent else []), *words().remarks(POOLED_CORS)),
    )


def of_paper(training: TrainingSet) -> PaperRow | None:
    """The row of the paper that a training reproduces, if any."""
    key = (training.detector, training.in_print)
    return next((row for row in paper_rows() if (row.detector, row.trained_on) == key), None)


def _entry(training: TrainingSet, paper: PaperRow | None, evaluation: str, footnotes: Footnotes) -> Cell:
    nothing = (None, math.nan, math.nan)
    stated, lower, upper = nothing if paper is None else paper.eers.get(evaluation, nothing)
    return interval_cell(training, evaluation, POOLED, stated, (lower, upper), footnotes)
