"""Codec by codec: detectors trained on the CoRS of one codec, tested on the CoRS of each, on all CoRS and on all CoSG.

No figure of the CodecFake+ paper, whose Figure 6 has generators as columns; in its words for codecs.
"""

from __future__ import annotations

from grid.analysis.results import GridResults
from grid.report.page import Part
from grid.report.papers import PAPER_TABLES
from grid.report.papers.shared.codec_matrix import Layout, codec_matrix
from grid.report.papers.shared.codecfake_plus import CORS, COSG, words

NAME = "codecfake-plus-codec-by-codec"
TITLE = "CodecFake+ codec by codec"
CAPTION = (
    "How far what one codec teaches carries to another: EER in % of detectors trained on the CoRS of one codec (rows) "
    "on recordings against the CoRS of each codec, all CoRS and all CoSG (columns). Below each number its bootstrap "
    "interval in brackets or, over several seeds, ± its standard error. CodecFake+ has no such table; its Figure 6 has "
    "the generators of CoSG as columns. {setup}"
)


@PAPER_TABLES.register(NAME)
def parts(results: GridResults) -> tuple[Part, ...]:
    """For each detector the heat map and its values as a table."""
    return codec_matrix(results, Layout(NAME, TITLE, CAPTION, words(), pooled=(CORS, COSG)))
