"""The CDD paper's Table 3: the baseline EERs of a detector, and their change by each codec's CoRS and its label."""

from __future__ import annotations

import math

from grid.analysis.results import GridResults
from grid.core.vocabulary import NO_CORS, POOLED
from grid.report.paired import TrainingOfGrid, paired
from grid.report.papers import PAPER_TABLES
from grid.report.papers.shared.cdd import (
    ALL,
    LABELS,
    OWN_TRAINING,
    T_CORS,
    T_COSG,
    TrialColumn,
    by_attack,
    by_codec,
    figures,
    incomparable,
    interval,
    labels,
    names,
    other_seeds,
    remarks,
    trainings,
)
from grid.report.summary import percent, points, state_cell, summarise, uncertainty
from grid.report.table import Cell, Column, Footnotes, Table

TABLE = 3
PARTS = ("eer", "difference", "lower", "upper", "standard_error", "seeds", "paper")
CAPTION = (
    "What the label of resynthesised speech (CoRS) does, as Table 3 of {paper} lays it out. Rows with the label none: "
    "EER in %. Other rows: the difference from that row of the same detector in percentage points, negative where CoRS "
    "helps. Below each number: over several seeds ± its standard error (differences are paired by seed), for one seed "
    "its bootstrap interval in brackets (of a difference: both detectors on the same drawn trials); in parentheses the "
    "figure of the paper. Columns: T-CoSG by speech generator, T-CoRS by the codec of the bona fide speech, each also "
    "pooled, and all trials."
)


@PAPER_TABLES.register("cdd-table-3")
def table(results: GridResults) -> Table:
    """One row per training; the columns are the conditions that some cell measured, and the pooled ones."""
    footnotes = Footnotes()
    columns = (
        *by_attack(results),
        TrialColumn(T_COSG, POOLED, "pooled"),
        *by_codec(results),
        TrialColumn(T_CORS, POOLED, "pooled"),
        TrialColumn(ALL, POOLED, ALL),
    )
    paper = not incomparable(results)
    rows = [
        (*labels(results, training), *(_entry(results, training, trials, paper, footnotes) for trials in columns))
        for training in trainings(results)
    ]
    return Table(
        name="cdd-table-3",
        title="CDD, Table 3: labels of resynthesised speech",
        caption=CAPTION.format(paper=figures().paper),
        columns=(
            *LABELS,
            *(Column(t.name, group="" if t.evaluation == ALL else t.evaluation, parts=PARTS) for t in columns),
        ),
        rows=tuple(rows),
        notes=footnotes.notes(*remarks(results, TABLE)),
    )


def _entry(
    results: GridResults, training: TrainingOfGrid, trials: TrialColumn, paper: bool, footnotes: Footnotes
) -> Cell:
    if training.policy == NO_CORS:
        return _baseline(results, training, trials, paper, footnotes)
    change = paired(results, training, trials.evaluation, trials.condition)
    if change.state != "done":
        return state_cell(change, len(PARTS), footnotes)
    detector, codec, mark = names(results, training)
    stated = figures().difference(TABLE, detector=detector, codec=codec, label=mark, key=trials.key) if paper else None
    error = () if math.isnan(change.standard_error) else (f"± {percent(change.standard_error)}",)
    details = error or interval(change.lower, change.upper, points)
    if stated is not None:
        details = (*details, f"({points(stated)})")
    bounds = (change.lower, change.upper, change.standard_error, change.count)
    values = (change.mean, change.difference, *bounds, math.nan if stated is None else stated)
    return Cell(points(change.difference), values, other_seeds(change.troubles, footnotes), details)


def _baseline(
    results: GridResults, training: TrainingOfGrid, trials: TrialColumn, paper: bool, footnotes: Footnotes
) -> Cell:
    cells = results.select(selection=training.selection, policy=training.policy, detector=training.detector)
    summary = summarise(cells, trials.evaluation, trials.condition)
    if summary.state != "done":
        return state_cell(summary, len(PARTS), footnotes)
    detector = names(results, training)[0]
    stated = figures().eer(TABLE, detector=detector, training=OWN_TRAINING, key=trials.key) if paper else None
    several = not math.isnan(summary.standard_error)
    details = (uncertainty(summary),) if several else interval(summary.lower, summary.upper)
    if stated is not None:
        details = (*details, f"({percent(stated)})")
    bounds = (summary.lower, summary.upper, summary.standard_error, summary.count)
    values = (summary.mean, math.nan, *bounds, math.nan if stated is None else stated)
    return Cell(percent(summary.mean), values, other_seeds(summary.troubles, footnotes), details)
