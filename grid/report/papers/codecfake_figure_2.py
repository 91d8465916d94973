"""The CodecFake paper's Figure 2: 15 codecs and two published detectors, tested on the CoRS of each codec."""

from __future__ import annotations

from grid.analysis.results import GridResults
from grid.report.page import Part
from grid.report.papers import PAPER_TABLES
from grid.report.papers.shared.codec_matrix import Layout, codec_matrix
from grid.report.papers.shared.stated_figures import read_figures

CAPTION = (
    "How far what one codec teaches carries to another, as Figure 2 of {paper} shows it: EER in % on recordings "
    "against the CoRS of each codec (columns), of detectors trained on the CoRS of one codec and of published ones "
    "that heard none (rows). Below each number its bootstrap interval in brackets or, over several seeds, ± its "
    "standard error, and in parentheses the figure of the paper."
)


@PAPER_TABLES.register("codecfake-figure-2")
def parts(results: GridResults) -> tuple[Part, ...]:
    """The heat map, and its values as a table."""
    return codec_matrix(
        results,
        Layout(
            name="codecfake-figure-2",
            title="CodecFake, Figure 2",
            caption=CAPTION,
            number="figure 2",
            figures=read_figures("codecfake"),
        ),
    )
