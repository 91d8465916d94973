"""Owns what CodecFake's Figure 2 and CodecFake+'s Figure 6 share: a codec's training by row, a codec's test by column.

Rows of detectors that are not trained on CoRS come first, columns of pooled trials last. Between them the codecs of the
paper come in its order, then the others in the order of the grid, the same by row and by column. Both are known by the
words of the paper, so that dozens of them fit a page; the table's second column has our names where they are others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from grid.analysis.results import CellResult, GridResults, codec_condition
from grid.core.identity import slug
from grid.core.vocabulary import NO_CORS, POOLED
from grid.report.figures.cross_codec import draw_heat_map
from grid.report.page import Figure, Part
from grid.report.papers.shared.stated_figures import Number, PaperFigures, in_order, word
from grid.report.summary import Summary, percent, state_cell, summarise, uncertainty
from grid.report.table import Cell, Column, Footnotes, Table, label
from grid.report.tables.cross_codec import DEFAULT_POLICY, Matrix, aligned

PARTS = ("eer", "lower", "upper", "standard_error", "seeds", "paper")
EVALUATION = "CoRS"
"""The evaluation that tells codecs apart: recordings against the CoRS of each."""
FIGURE = (
    "Trained on the CoRS of the row's codec, tested on the column's; bold where they are the same, bright where the "
    "detector fails.{above}{right} Hatched: F failed, M missing, R running."
)
ABOVE, RIGHT = " Above the gap: detectors that heard no CoRS.", " Right of the gap: all trials together."


@dataclass(frozen=True)
class Layout:
    """A figure of a paper: its name here and there, its figures, and evaluations whose pooled EER closes each row."""

    name: str
    title: str
    caption: str
    number: Number
    figures: PaperFigures
    pooled: tuple[str, ...] = ()


@dataclass(frozen=True)
class MatrixRow:
    """One training, all its seeds: the paper's word for it, ours, and its detector in the paper's words."""

    word: str
    ours: str
    detector: str
    cells: tuple[CellResult, ...]


@dataclass(frozen=True)
class Test:
    """A column: the trials of one condition."""

    word: str
    evaluation: str
    condition: str


def codec_matrix(results: GridResults, layout: Layout) -> tuple[Part, ...]:
    """A heat map and a table for each detector that is trained on single codecs; one empty table without any."""
    policy = shown_policy(results)
    trained = [name for name in results.detectors() if _single(results, name, policy)]
    parts: list[Part] = []
    for detector in trained:
        cells = _single(results, detector, policy)
        by_row, by_column = aligned((cell.codecs[0] for cell in cells), results.test_codecs(EVALUATION))
        rows = [*_untrained(results, layout), *_trained(layout, detector, cells, by_row)]
        tests = _tests(results, layout, by_column)
        name = layout.name if len(trained) == 1 else f"{layout.name}-{slug(detector)}"
        matrix = _matrix(rows, tests, policy, detector)
        parts.append(Figure(name, f"{layout.title}: {detector}", _caption(matrix), partial(draw_heat_map, matrix)))
        parts.append(_table(rows, tests, layout, name, detector))
    none = _tests(results, layout, results.test_codecs(EVALUATION))
    return tuple(parts) or (_table([], none, layout, layout.name, ""),)


def _caption(matrix: Matrix) -> str:
    return FIGURE.format(above=ABOVE if matrix.apart_rows else "", right=RIGHT if matrix.apart_columns else "")


def shown_policy(results: GridResults) -> str:
    """The policy whose trainings are shown: `spoof`, as in both papers, else the first that uses CoRS."""
    used = [name for name in results.policies() if name != NO_CORS]
    return DEFAULT_POLICY if DEFAULT_POLICY in used or not used else used[0]


def _untrained(results: GridResults, layout: Layout) -> list[MatrixRow]:
    """The detectors that heard no CoRS, under the word for what they were trained on."""
    rows = []
    for detector in results.detectors():
        cells = tuple(cell for cell in results.select(detector=detector, policy=NO_CORS) if not cell.codecs)
        if cells:
            corpus = word(layout.figures.training, detector)
            name = word(layout.figures.detectors, detector) or detector
            rows.append(MatrixRow(f"{name}, {corpus}" if corpus else name, detector, name, cells))
    return rows


def _single(results: GridResults, detector: str, policy: str) -> list[CellResult]:
    """The trainings on a single codec."""
    return [cell for cell in results.select(detector=detector, policy=policy) if len(cell.codecs) == 1]


def _trained(layout: Layout, detector: str, cells: Sequence[CellResult], codecs: Sequence[str]) -> list[MatrixRow]:
    name = word(layout.figures.detectors, detector) or detector
    return [
        MatrixRow(
            word(layout.figures.codecs, codec) or codec, codec, name, tuple(c for c in cells if c.codecs == (codec,))
        )
        for codec in in_order(layout.figures.codecs, codecs)
    ]


def _tests(results: GridResults, layout: Layout, codecs: Sequence[str]) -> list[Test]:
    words = layout.figures.codecs
    found = [Test(word(words, c) or c, EVALUATION, codec_condition(c)) for c in in_order(words, codecs)]
    measured = results.evaluations()
    return found + [Test(name, name, POOLED) for name in layout.pooled if name in measured]


def _matrix(rows: Sequence[MatrixRow], tests: Sequence[Test], policy: str, detector: str) -> Matrix:
    return Matrix(
        evaluation=EVALUATION,
        policy=policy,
        detector=detector,
        train_codecs=tuple(row.word for row in rows),
        test_codecs=tuple(test.word for test in tests),
        summaries=tuple(tuple(summarise(row.cells, t.evaluation, t.condition) for t in tests) for row in rows),
        apart_rows=sum(not row.cells[0].codecs for row in rows),
        apart_columns=sum(test.condition == POOLED for test in tests),
    )


def _table(rows: Sequence[MatrixRow], tests: Sequence[Test], layout: Layout, name: str, detector: str) -> Table:
    footnotes = Footnotes()
    entries = [
        (label(row.word), _our_name(row), *(_entry(row, test, layout, footnotes) for test in tests)) for row in rows
    ]
    missing = layout.figures.missing.get(layout.number)
    remarks = [f"Figures of the paper that codecgrid does not have and so does not show: {missing}."] if missing else []
    return Table(
        name=name,
        title=f"{layout.title}: {detector}" if detector else layout.title,
        caption=layout.caption.format(paper=layout.figures.paper),
        columns=(
            Column("trained on", align="left"),
            Column("our name", align="left"),
            *(Column(t.word, group="all trials" if t.condition == POOLED else "tested on", parts=PARTS) for t in tests),
        ),
        rows=tuple(entries),
        notes=footnotes.notes(*remarks),
    )


def _our_name(row: MatrixRow) -> Cell:
    """Our name, which readers see only where the row's label is another; CSV has it always."""
    return Cell("" if row.ours == row.word else row.ours, (row.ours,))


def _entry(row: MatrixRow, test: Test, layout: Layout, footnotes: Footnotes) -> Cell:
    found = summarise(row.cells, test.evaluation, test.condition)
    if found.state != "done":
        return state_cell(found, len(PARTS), footnotes)
    stated = layout.figures.eer(layout.number, detector=row.detector, training=row.word, key=test.word)
    return eer_cell(found, stated, footnotes)


def eer_cell(found: Summary, stated: float | None, footnotes: Footnotes) -> Cell:
    """An EER with what is known of its uncertainty and the paper's in parentheses; values as in `PARTS`."""
    details = tuple(filter(None, (uncertainty(found), "" if stated is None else f"({percent(stated)})")))
    mark = footnotes.mark("mean of the other seeds; " + "; ".join(found.troubles)) if found.troubles else ""
    bounds = (found.lower, found.upper, found.standard_error, found.count)
    return Cell(percent(found.mean), (found.mean, *bounds, math.nan if stated is None else stated), mark, details)
