"""The CodecFake paper's Figure 2: 15 codecs and two published detectors, tested on the CoRS of each codec."""

from __future__ import annotations

from grid.analysis.results import GridResults
from grid.report.page import Part
from grid.report.papers import PAPER_TABLES
from grid.report.papers.shared.codec_matrix import Layout, MatrixColumn, MatrixRow, codec_matrix
from grid.report.papers.shared.published import cross_testing_eer
from grid.report.papers.shared.words import paper_words

NAME = "codecfake-figure-2"
TRAINED = "AASIST-L"
"""The detector that the paper trains on each codec."""
CAPTION = (
    "How far what one codec teaches carries to another, as Figure 2 of {paper} shows it: EER in % on recordings "
    "against the CoRS of each codec (columns), of detectors trained on the CoRS of one codec and of published ones "
    "that heard none (rows). Below each number its bootstrap interval in brackets or, over several seeds, ± its "
    "standard error; {legend}. {setup}"
)


@PAPER_TABLES.register(NAME)
def parts(results: GridResults) -> tuple[Part, ...]:
    """The heat map, and its values as a table."""
    return codec_matrix(
        results,
        Layout(
            name=NAME,
            title="CodecFake, Figure 2",
            caption=CAPTION,
            words=paper_words("codecfake"),
            stated=stated,
        ),
    )


def stated(row: MatrixRow, column: MatrixColumn) -> float | None:
    """The EER of the paper (a fraction): its two published detectors, and AASIST-L on each codec."""
    if row.published:
        return cross_testing_eer(NAME, row.detector, column.word)
    return cross_testing_eer(NAME, row.word, column.word) if row.detector == TRAINED else None
