"""The CodecFake+ paper's Figure 6: 31 codecs by training and by test, with all CoRS and all CoSG pooled."""

from __future__ import annotations

from grid.analysis.results import GridResults
from grid.report.page import Part
from grid.report.papers import PAPER_TABLES
from grid.report.papers.shared.codec_matrix import Layout, codec_matrix
from grid.report.papers.shared.stated_figures import read_figures

CAPTION = (
    "How far what one codec teaches carries to the others and to generators, as Figure 6 of {paper} shows it: EER in % "
    "of detectors trained on the CoRS of one codec (rows) on recordings against the CoRS of each codec, all CoRS and "
    "all CoSG (columns). Below each number its bootstrap interval in brackets or, over several seeds, ± its standard "
    "error, and in parentheses the figure of the paper."
)


@PAPER_TABLES.register("codecfake-plus-figure-6")
def parts(results: GridResults) -> tuple[Part, ...]:
    """For each detector the heat map, and its values as a table."""
    return codec_matrix(
        results,
        Layout(
            name="codecfake-plus-figure-6",
            title="CodecFake+, Figure 6",
            caption=CAPTION,
            number="figure 6",
            figures=read_figures("codecfake_plus"),
            pooled=("CoRS", "CoSG"),
        ),
    )
