"""The CodecFake+ paper's Figure 6: ASVspoof 2019 and 31 codecs in training; CoRS, CoSG and 17 generators in tests."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from grid.analysis.results import GridResults
from grid.core.identity import slug
from grid.core.vocabulary import NO_CORS
from grid.report.figures.cross_codec import draw_heat_map
from grid.report.page import Figure, Part
from grid.report.papers import PAPER_TABLES
from grid.report.papers.shared.codec_matrix import (
    Layout,
    MatrixColumn,
    MatrixRow,
    layout_table,
    matrix_of,
    shown_policy,
    single_codec,
    trained_rows,
)
from grid.report.papers.shared.codecfake_plus import (
    CORS,
    COSG,
    MAIN_DETECTOR,
    pooled_column,
    system_columns,
    training_sets,
    words,
)
from grid.report.papers.shared.published import cross_testing_eer
from grid.report.papers.shared.words import word
from grid.report.table import Note

NAME = "codecfake-plus-figure-6"
TITLE = "CodecFake+, Figure 6"
REFERENCE = "ASVspoof 2019"
"""The row of the detector that is trained on ASVspoof 2019 LA alone."""
IN_TABLE_6 = "ASVspoof19"
CAPTION = (
    "How far what one codec teaches carries to generators, as Figure 6 of {paper} shows it: EER in % of detectors "
    "trained on ASVspoof 2019 LA or on the CoRS of one codec (rows) on all CoRS, on all CoSG and on the speech of each "
    "of the 17 generators against its own recordings (columns, in the order of Table IV). Below each number its "
    "bootstrap interval in brackets or, over several seeds, ± its standard error; {legend}. {setup}"
)
FIGURE = (
    "Trained on the row, tested on all CoRS, all CoSG and each generator; bright where the detector fails. Hatched: F "
    "failed, M missing, R running."
)
NO_GENERATORS = (
    "Nothing to show: no cell has measured CoSG by generator. Give the evaluation CoSG `by: system`, on a corpus with "
    "the generators of Table IV. What one codec teaches for another is in codecfake-plus-codec-by-codec."
)


@PAPER_TABLES.register(NAME)
def parts(results: GridResults) -> tuple[Part, ...]:
    """For each detector the heat map and its values as a table; without generators an empty table that says so."""
    layout = Layout(NAME, TITLE, CAPTION, words(), stated)
    systems = system_columns(results)
    policy = shown_policy(results)
    trained = [name for name in results.detectors() if single_codec(results, name, policy)]
    columns = [*(pooled_column(name) for name in (CORS, COSG)), *systems]
    if not systems or not trained:
        empty = layout_table(results, [], columns, layout, NAME, "")
        return (empty if systems else replace(empty, notes=(Note("", NO_GENERATORS),)),)
    made: list[Part] = []
    for detector in trained:
        cells = single_codec(results, detector, policy)
        rows = [
            *_reference(results, word(words().detectors, detector) or detector),
            *trained_rows(layout, detector, cells, list(dict.fromkeys(cell.codecs[0] for cell in cells))),
        ]
        name = NAME if len(trained) == 1 else f"{NAME}-{slug(detector)}"
        matrix = matrix_of(rows, columns, policy, detector, f"{CORS} and {COSG}", len(systems))
        made.append(Figure(name, f"{TITLE}: {detector}", FIGURE, partial(draw_heat_map, matrix)))
        made.append(layout_table(results, rows, columns, layout, name, detector))
    return tuple(made)


def _reference(results: GridResults, detector: str) -> list[MatrixRow]:
    """The row of `detector` trained on ASVspoof 2019 LA in a compared experiment, if there is one."""
    return [
        MatrixRow(REFERENCE, row.grid.name, detector, row.cells, published=True)
        for row in training_sets(results)
        if row.detector == detector and row.policy == NO_CORS and row.in_print == IN_TABLE_6
    ][:1]


def stated(row: MatrixRow, column: MatrixColumn) -> float | None:
    """The EER of the paper (a fraction), where the text has it."""
    return cross_testing_eer(NAME, row.word, column.word) if row.detector == MAIN_DETECTOR else None
