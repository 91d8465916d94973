"""The CDD paper's Table 3: the baseline EERs of a detector, and their change by each codec's CoRS and its label."""

from __future__ import annotations

import math

from grid.analysis.results import GridResults
from grid.core.vocabulary import NO_CORS, POOLED
from grid.report.paired import TrainingOfGrid, paired
from grid.report.papers import PAPER_TABLES
from grid.report.papers.shared.beside import BESIDE, LEGEND, beside, beside_values, setup
from grid.report.papers.shared.cdd import (
    ALL,
    BASELINE_WORD,
    IN_PRINT,
    T_CORS,
    T_COSG,
    TrialColumn,
    by_attack,
    by_codec,
    incomparable,
    interval,
    names,
    other_seeds,
    remarks,
    trainings,
    words,
)
from grid.report.papers.shared.published import LabelledDifference, published
from grid.report.summary import percent, points, state_cell, summarise, uncertainty
from grid.report.table import Cell, Column, Footnotes, Table, label

NAME = "cdd-table-3"
PARTS = ("eer", "difference", "lower", "upper", "standard_error", "seeds", *BESIDE)
LABELS = tuple(Column(name, align="left") for name in ("label", "detector", "codec"))
CAPTION = (
    "What the label of resynthesised speech (CoRS) does, as Table 3 of {paper} lays it out. Rows with the label none: "
    "EER in %. Other rows: the difference from that row of the same detector in percentage points, negative where CoRS "
    "helps. Below each number: over several seeds ± its standard error (differences are paired by seed), for one seed "
    "its bootstrap interval in brackets (of a difference: both detectors on the same drawn trials); {legend}. Columns: "
    "T-CoSG by speech generator, T-CoRS by the codec of the bona fide speech, each also pooled, and all trials; rows "
    "and columns that the paper does not have follow its own. {setup}"
)


@PAPER_TABLES.register(NAME)
def table(results: GridResults) -> Table:
    """One row per training; the columns are the conditions that some cell measured, and the pooled ones."""
    footnotes = Footnotes()
    paper = not incomparable(results)
    columns = _columns(results)
    rows = [
        (*_labels(results, training), *(_entry(results, training, trials, paper, footnotes) for trials in columns))
        for training in trainings(results)
    ]
    return Table(
        name=NAME,
        title="CDD, Table 3: labels of resynthesised speech",
        caption=CAPTION.format(paper=words().paper, legend=LEGEND, setup=setup(results, words())),
        columns=(
            *LABELS,
            *(Column(t.name, group="" if t.evaluation == ALL else t.evaluation, parts=PARTS) for t in columns),
        ),
        rows=tuple(rows),
        notes=footnotes.notes(*remarks(results, NAME)),
    )


def _columns(results: GridResults) -> tuple[TrialColumn, ...]:
    """The columns of the paper in its order, then the generators and codecs that it does not test."""
    attacks, codecs = by_attack(results), by_codec(results)
    return (
        *(trials for trials in attacks if trials.known),
        TrialColumn(T_COSG, POOLED, "pooled"),
        *(trials for trials in codecs if trials.known),
        TrialColumn(T_CORS, POOLED, "pooled"),
        TrialColumn(ALL, POOLED, ALL),
        *(trials for trials in (*attacks, *codecs) if not trials.known),
    )


def _labels(results: GridResults, training: TrainingOfGrid) -> tuple[Cell, Cell, Cell]:
    detector, codec, mark = names(results, training)
    return label(mark), label(detector), label(codec)


def stated(detector: str, codec: str, mark: str, column: str) -> float | None:
    """The number of the paper (a fraction): an EER for the label none, a difference for the others; None without."""
    key = (IN_PRINT.get(mark), detector, "none" if codec == BASELINE_WORD else codec, column)
    for row in published(NAME, LabelledDifference):
        if (row.label_of_cors, row.detector, row.codec, row.column) == key:
            return row.percent_or_points / 100
    return None


def _entry(
    results: GridResults, training: TrainingOfGrid, trials: TrialColumn, paper: bool, footnotes: Footnotes
) -> Cell:
    printed = stated(*names(results, training), trials.in_print) if paper else None
    if training.policy == NO_CORS:
        return _baseline(results, training, trials, printed, footnotes)
    change = paired(results, training, trials.evaluation, trials.condition)
    if change.state != "done":
        return state_cell(change, len(PARTS), footnotes)
    error = () if math.isnan(change.standard_error) else (f"± {percent(change.standard_error)}",)
    details = error or interval(change.lower, change.upper, points)
    bounds = (change.lower, change.upper, change.standard_error, change.count)
    return Cell(
        points(change.difference),
        (change.mean, change.difference, *bounds, *beside_values(change.difference, printed)),
        other_seeds(change.troubles, footnotes),
        (*details, *beside(change.difference, printed, points, lines=True)),
    )


def _baseline(
    results: GridResults, training: TrainingOfGrid, trials: TrialColumn, printed: float | None, footnotes: Footnotes
) -> Cell:
    cells = results.select(selection=training.selection, policy=training.policy, detector=training.detector)
    summary = summarise(cells, trials.evaluation, trials.condition)
    if summary.state != "done":
        return state_cell(summary, len(PARTS), footnotes)
    several = not math.isnan(summary.standard_error)
    details = (uncertainty(summary),) if several else interval(summary.lower, summary.upper)
    bounds = (summary.lower, summary.upper, summary.standard_error, summary.count)
    return Cell(
        percent(summary.mean),
        (summary.mean, math.nan, *bounds, *beside_values(summary.mean, printed)),
        other_seeds(summary.troubles, footnotes),
        (*details, *beside(summary.mean, printed, lines=True)),
    )
