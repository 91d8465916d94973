"""The CodecFake paper's Table 3: generators not seen in training, with tests against the best baseline."""

from __future__ import annotations

import math
from dataclasses import dataclass

from grid.analysis.results import CellResult, GridResults
from grid.analysis.significance import Significance
from grid.core.vocabulary import NO_CORS, POOLED
from grid.report.papers import PAPER_TABLES
from grid.report.papers.shared.beside import BESIDE, LEGEND, beside, beside_values, setup
from grid.report.papers.shared.published import UnseenGeneratorEer, published
from grid.report.papers.shared.words import PaperWords, in_order, paper_words, word
from grid.report.summary import percent, points, state_cell, summarise, uncertainty
from grid.report.table import Cell, Column, Footnotes, Table, label

NAME = "codecfake-table-3"
TRAINED = "AASIST-L"
"""The detector that the paper trains on each codec."""
PREDICTIONS, BOOTSTRAP = "*", "†"
PARTS = (
    *("eer", "lower", "upper", "standard_error", "seeds"),
    *("difference", "t_p", "wilcoxon_p", "bootstrap_p", "adjusted_p", *BESIDE),
)
CAPTION = (
    "Generators that no detector heard in training, as Table 3 of {paper} has it, whose rows are the columns here: "
    "pooled EER in % of the published detectors and of those trained on the CoRS of one codec (rows) on each set "
    "(columns). Below each number its bootstrap interval in brackets or, over several seeds, ± its standard error, its "
    "difference from the best baseline in percentage points; {legend}. {marks} {setup}"
)
MARKS = (
    f"{PREDICTIONS}: differs from the best baseline (lowest EER) by the paired t-test and by Wilcoxon's signed-rank "
    f"test on predictions, p < {{level:g}} in both, as in the paper. {BOOTSTRAP}: the EERs differ by the paired "
    "bootstrap, p < {level:g} after Holm's correction for {count} comparisons. A mark does not say which is "
    "better; the difference does. Sets that are too small have no mark."
)

LEFT_OUT = (
    "Tested and no column here, because this table has the sets that are not told apart by codec: {names}. The table "
    "of significance has their tests."
)


@dataclass(frozen=True)
class CrossTestingRow:
    """A row: one training with the cells of its seeds, named in the words of the paper where it has them.

    `in_print` is what the published table calls it, None where it has no such training.
    """

    trained_on: str
    detector: str
    cells: tuple[CellResult, ...]
    in_print: str | None


@PAPER_TABLES.register(NAME)
def table(results: GridResults) -> Table:
    """One row per training, one column per evaluation without conditions per codec."""
    words, footnotes = paper_words("codecfake"), Footnotes()
    sets = [name for name in results.evaluations() if not results.test_codecs(name)]
    rows = [
        (
            label(row.trained_on),
            label(row.detector),
            *(_entry(results, row, name, footnotes) for name in sets),
        )
        for row in _rows(results, words)
    ]
    remarks = [_best(results, name) for name in sets] + [_left_out(results, sets)]
    remarks += words.remarks(NAME)
    return Table(
        name=NAME,
        title="CodecFake, Table 3: generators that no detector heard",
        caption=CAPTION.format(paper=words.paper, legend=LEGEND, marks=_marks(results), setup=setup(results, words)),
        columns=(
            Column("trained on", align="left"),
            Column("detector", align="left"),
            *(Column(name, group="tested on", parts=PARTS) for name in sets),
        ),
        rows=tuple(rows),
        notes=footnotes.notes(*filter(None, remarks)),
    )


def _rows(results: GridResults, words: PaperWords) -> list[CrossTestingRow]:
    """The baselines, then the trainings on one codec in the paper's order, then the others."""
    rows = []
    for detector in results.detectors():
        name = word(words.detectors, detector) or detector
        baseline = tuple(c for c in results.select(detector=detector, policy=NO_CORS) if not c.codecs)
        if baseline:
            corpus = word(words.training, detector)
            rows.append(CrossTestingRow(corpus or "no CoRS", name, baseline, name if corpus else None))
    order = in_order(words.codecs, [*results.codecs, *results.selections()])
    for detector in results.detectors():
        name = word(words.detectors, detector) or detector
        with_cors = [c for c in results.select(detector=detector) if c.policy != NO_CORS]
        keys = dict.fromkeys((c.selection, c.policy) for c in with_cors)
        for selection, policy in sorted(keys, key=lambda key: order.index(key[0])):
            cells = results.select(detector=detector, selection=selection, policy=policy)
            codec = word(words.codecs, cells[0].codecs[0]) if len(cells[0].codecs) == 1 else None
            trained_on = codec or selection
            shown = trained_on if policy == "spoof" else f"{trained_on}, {policy}"
            rows.append(CrossTestingRow(shown, name, cells, shown if name == TRAINED else None))
    return rows


def stated(trained_on: str | None, test_set: str) -> float | None:
    """The EER of the paper (a fraction), None where it has none."""
    for row in published(NAME, UnseenGeneratorEer):
        if (row.trained_on, row.test_set) == (trained_on, test_set):
            return row.percent / 100
    return None


def _entry(results: GridResults, row: CrossTestingRow, evaluation: str, footnotes: Footnotes) -> Cell:
    summary = summarise(row.cells, evaluation, POOLED)
    if summary.state != "done":
        return state_cell(summary, len(PARTS), footnotes)
    printed = stated(row.in_print, evaluation)
    # a p-value belongs to one training: over several seeds there would be one each, so none is shown
    test = _test(results, row.cells[0], evaluation) if len(row.cells) == 1 else None
    signs = "" if test is None or test.note else PREDICTIONS * test.predictions_differ + BOOTSTRAP * test.eers_differ
    details = (
        uncertainty(summary),
        "" if test is None else points(test.difference),
        *beside(summary.mean, printed),
    )
    notes = [*(["mean of the other seeds", *summary.troubles] if summary.troubles else []), test.note if test else ""]
    mark = footnotes.mark("; ".join(filter(None, notes))) if any(notes) else ""
    tested = (math.nan,) * 5
    if test is not None:
        tested = (test.difference, test.t_p, test.wilcoxon_p, test.bootstrap_p, test.adjusted_p)
    values = (summary.mean, summary.lower, summary.upper, summary.standard_error, summary.count, *tested)
    text = f"{percent(summary.mean)} {signs}".strip()
    return Cell(text, (*values, *beside_values(summary.mean, printed)), mark, tuple(filter(None, details)))


def _test(results: GridResults, cell: CellResult, evaluation: str) -> Significance | None:
    key = (cell.cell_id, evaluation)
    return next((test for test in results.significance if (test.cell_id, test.evaluation) == key), None)


def _best(results: GridResults, evaluation: str) -> str:
    """The remark on a column: its number of trials, and the baseline it is tested against."""
    names = dict.fromkeys(test.baseline for test in results.significance if test.evaluation == evaluation)
    counts = [m for cell in results.cells if (m := cell.measurement(evaluation, POOLED)) is not None]
    trials = f"{counts[0].n_bonafide} bona fide and {counts[0].n_spoof} spoof trials" if counts else ""
    against = f"tested against {' and '.join(names)}" if names else ""
    words = "; ".join(filter(None, (trials, against)))
    return f"{evaluation}: {words}." if words else ""


def _left_out(results: GridResults, sets: list[str]) -> str:
    """The remark on evaluations that were tested and have no column."""
    others = [name for name in dict.fromkeys(test.evaluation for test in results.significance) if name not in sets]
    return LEFT_OUT.format(names=" and ".join(others)) if others else ""


def _marks(results: GridResults) -> str:
    if not results.significance:
        return "The experiment asks for no tests of significance."
    return MARKS.format(level=results.significance[0].procedure.level, count=len(results.significance))
