"""The layout of CodecFake's Figure 2, training codec by row and test codec by column, and what Figure 6 shares with it.

Rows of detectors trained without CoRS come first, columns of pooled trials last. Between them are the codecs of the
paper in its order, then the others in the order of the grid, in the same order by row and by column. Codecs are named
in the words of the paper, so that dozens of them fit a page; the second column of the table has our names where they
differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from grid.analysis.results import CellResult, GridResults, codec_condition
from grid.core.identity import slug
from grid.core.vocabulary import NO_CORS, POOLED
from grid.report.figures.cross_codec import draw_heat_map
from grid.report.page import Figure, Part
from grid.report.papers.shared.beside import BESIDE, LEGEND, beside, beside_values, setup
from grid.report.papers.shared.words import PaperWords, in_order, word
from grid.report.summary import Summary, percent, state_cell, summarise, uncertainty
from grid.report.table import Cell, Column, Footnotes, Table, label
from grid.report.tables.cross_codec import DEFAULT_POLICY, Matrix, aligned

PARTS = ("eer", "lower", "upper", "standard_error", "seeds", *BESIDE)
EVALUATION = "CoRS"
"""The evaluation with conditions per codec: recordings against the CoRS of each."""
FIGURE = (
    "Trained on the CoRS of the row's codec, tested on the column's; bold where they are the same, bright where the "
    "detector fails.{above}{right} Hatched: F failed, M missing, R running."
)
ABOVE, RIGHT = " Above the gap: detectors that heard no CoRS.", " Right of the gap: all trials together."


@dataclass(frozen=True)
class MatrixRow:
    """A row: one training with its cells, the paper's word for it, our name, and the paper's word for the detector.

    `published` says that the detector is used as published, of the corpus that the words have for it.
    """

    word: str
    ours: str
    detector: str
    cells: tuple[CellResult, ...]
    published: bool = False


@dataclass(frozen=True)
class MatrixColumn:
    """A column: the trials of one condition, and the paper's word for it."""

    word: str
    evaluation: str
    condition: str


def nothing_stated(row: MatrixRow, column: MatrixColumn) -> float | None:
    """What a table that is not the paper's has of it."""


@dataclass(frozen=True)
class Layout:
    """A table: its name and title, its words, the paper's EERs, and evaluations with a pooled column.

    The caption has places for `paper`, `legend` and `setup`.
    """

    name: str
    title: str
    caption: str
    words: PaperWords
    stated: Callable[[MatrixRow, MatrixColumn], float | None] = nothing_stated
    pooled: tuple[str, ...] = ()


def codec_matrix(results: GridResults, layout: Layout) -> tuple[Part, ...]:
    """A heat map and a table for each detector trained on single codecs; one empty table if there are none."""
    policy = shown_policy(results)
    trained = [name for name in results.detectors() if single_codec(results, name, policy)]
    parts: list[Part] = []
    for detector in trained:
        cells = single_codec(results, detector, policy)
        by_row, by_column = aligned((cell.codecs[0] for cell in cells), results.test_codecs(EVALUATION))
        rows = [*_untrained(results, layout), *trained_rows(layout, detector, cells, by_row)]
        tests = _tests(results, layout, by_column)
        name = layout.name if len(trained) == 1 else f"{layout.name}-{slug(detector)}"
        if tests:  # none while no cell is scored
            matrix = matrix_of(rows, tests, policy, detector)
            parts.append(Figure(name, f"{layout.title}: {detector}", _caption(matrix), partial(draw_heat_map, matrix)))
        parts.append(layout_table(results, rows, tests, layout, name, detector))
    none = _tests(results, layout, results.test_codecs(EVALUATION))
    return tuple(parts) or (layout_table(results, [], none, layout, layout.name, ""),)


def _caption(matrix: Matrix) -> str:
    return FIGURE.format(above=ABOVE if matrix.apart_rows else "", right=RIGHT if matrix.apart_columns else "")


def shown_policy(results: GridResults) -> str:
    """The policy whose trainings are shown: `spoof`, as in both papers, or else the first that uses CoRS."""
    used = [name for name in results.policies() if name != NO_CORS]
    return DEFAULT_POLICY if DEFAULT_POLICY in used or not used else used[0]


def _untrained(results: GridResults, layout: Layout) -> list[MatrixRow]:
    """One row per detector trained without CoRS, with the word for its training corpus."""
    rows = []
    for detector in results.detectors():
        cells = tuple(cell for cell in results.select(detector=detector, policy=NO_CORS) if not cell.codecs)
        if cells:
            corpus = word(layout.words.training, detector)
            name = word(layout.words.detectors, detector) or detector
            rows.append(MatrixRow(f"{name}, {corpus}" if corpus else name, detector, name, cells, corpus is not None))
    return rows


def single_codec(results: GridResults, detector: str, policy: str) -> list[CellResult]:
    """The trainings on a single codec."""
    return [cell for cell in results.select(detector=detector, policy=policy) if len(cell.codecs) == 1]


def trained_rows(layout: Layout, detector: str, cells: Sequence[CellResult], codecs: Sequence[str]) -> list[MatrixRow]:
    name = word(layout.words.detectors, detector) or detector
    return [
        MatrixRow(
            word(layout.words.codecs, codec) or codec, codec, name, tuple(c for c in cells if c.codecs == (codec,))
        )
        for codec in in_order(layout.words.codecs, codecs)
    ]


def _tests(results: GridResults, layout: Layout, codecs: Sequence[str]) -> list[MatrixColumn]:
    words = layout.words.codecs
    columns = [MatrixColumn(word(words, c) or c, EVALUATION, codec_condition(c)) for c in in_order(words, codecs)]
    measured = results.evaluations()
    return columns + [MatrixColumn(name, name, POOLED) for name in layout.pooled if name in measured]


def matrix_of(
    rows: Sequence[MatrixRow],
    tests: Sequence[MatrixColumn],
    policy: str,
    detector: str,
    evaluation: str = EVALUATION,
    apart: int | None = None,
) -> Matrix:
    """The values of a heat map; the last `apart` columns (default: those of pooled trials) stand apart."""
    return Matrix(
        evaluation=evaluation,
        policy=policy,
        detector=detector,
        train_codecs=tuple(row.word for row in rows),
        test_codecs=tuple(test.word for test in tests),
        summaries=tuple(tuple(summarise(row.cells, t.evaluation, t.condition) for t in tests) for row in rows),
        apart_rows=sum(not row.cells[0].codecs for row in rows),
        apart_columns=sum(test.condition == POOLED for test in tests) if apart is None else apart,
    )


def layout_table(
    results: GridResults,
    rows: Sequence[MatrixRow],
    tests: Sequence[MatrixColumn],
    layout: Layout,
    name: str,
    detector: str,
) -> Table:
    footnotes = Footnotes()
    entries = [
        (label(row.word), _our_name(row), *(entry(row, test, layout, footnotes) for test in tests)) for row in rows
    ]
    return Table(
        name=name,
        title=f"{layout.title}: {detector}" if detector else layout.title,
        caption=layout.caption.format(
            paper=layout.words.paper, legend=LEGEND, setup=setup(results, layout.words)
        ).strip(),
        columns=(
            Column("trained on", align="left"),
            Column("our name", align="left"),
            *(Column(t.word, group="all trials" if t.condition == POOLED else "tested on", parts=PARTS) for t in tests),
        ),
        rows=tuple(entries),
        notes=footnotes.notes(*layout.words.remarks(layout.name)),
    )


def _our_name(row: MatrixRow) -> Cell:
    """Our name, shown only if the label of the row differs; CSV always has it."""
    return Cell("" if row.ours == row.word else row.ours, (row.ours,))


def entry(row: MatrixRow, test: MatrixColumn, layout: Layout, footnotes: Footnotes) -> Cell:
    """The entry of a row and a column, beside that of the paper."""
    summary = summarise(row.cells, test.evaluation, test.condition)
    if summary.state != "done":
        return state_cell(summary, len(PARTS), footnotes)
    return eer_cell(summary, layout.stated(row, test), footnotes)


def eer_cell(summary: Summary, stated: float | None, footnotes: Footnotes) -> Cell:
    """An EER with its uncertainty, then the paper's with ours minus it; values as in `PARTS`."""
    details = (*filter(None, [uncertainty(summary)]), *beside(summary.mean, stated))
    mark = footnotes.mark("mean of the other seeds; " + "; ".join(summary.troubles)) if summary.troubles else ""
    bounds = (summary.lower, summary.upper, summary.standard_error, summary.count)
    return Cell(percent(summary.mean), (summary.mean, *bounds, *beside_values(summary.mean, stated)), mark, details)
