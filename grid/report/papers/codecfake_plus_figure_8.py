"""The CodecFake+ paper's Figure 8: residual spectrograms of one utterance through a pair of codecs of each group."""

from __future__ import annotations

from functools import partial

from grid.analysis.artefacts import ArtefactPair, ArtefactResults
from grid.analysis.results import GridResults
from grid.codecs.pairs import PairGroup
from grid.report.figures.residual_pairs import PairRow, draw_pairs
from grid.report.page import Figure, Part
from grid.report.papers import PAPER_TABLES
from grid.report.papers.codecfake_plus_table_8 import IN_PRINT, NOTHING, paper_groups
from grid.report.papers.shared.codecfake_plus import words
from grid.report.table import Column, Footnotes, Table

NAME = "codecfake-plus-figure-8"
TITLE = "CodecFake+, Figure 8: residual spectrograms"
CAPTION = (
    "What two codecs of each group of Table VIII change in the same utterance ({example}), as Figure 8 of {paper} "
    "shows it: the recording minus the resynthesised speech, every panel on one scale; bright where the codec lost "
    "energy, dark where it added some. The utterance is the first of those drawn, the pair of a group is the one with "
    "the median SSIM. Above a pair its similarity, the mean over {utterances} utterances and that of this one. The "
    "paper's own pairs and utterance are not stated."
)
NO_PAIRS = "Nothing to show: no two of the codecs compared are in a group of Table VIII."


@PAPER_TABLES.register(NAME)
def parts(results: GridResults) -> tuple[Part, ...]:
    """The figure; where no artefacts were compared, or no two codecs have a group, an empty table that says so."""
    artefacts = results.artefacts
    rows = pair_rows(artefacts) if artefacts else ()
    if artefacts is None or not rows:
        columns = (Column("group", align="left"),)
        notes = Footnotes().notes(NO_PAIRS if artefacts else NOTHING)
        return (Table(NAME, TITLE, f"{words().paper}.", columns, (), notes),)
    caption = CAPTION.format(paper=words().paper, example=artefacts.example, utterances=artefacts.utterances)
    return (Figure(NAME, TITLE, caption, partial(draw_pairs, rows)),)


def pair_rows(artefacts: ArtefactResults) -> tuple[PairRow, ...]:
    """A row for each group of the paper, in its order: the two residuals of its median pair."""
    rows = []
    for group in paper_groups(artefacts):
        pair = median_pair(artefacts, group)
        residuals = artefacts.residuals[pair.codec_a], artefacts.residuals[pair.codec_b]
        title = f"{IN_PRINT[group.name]}: {_similarity(pair)}"
        rows.append(PairRow(title, (pair.codec_a, pair.codec_b), residuals))
    return tuple(rows)


def median_pair(artefacts: ArtefactResults, group: PairGroup) -> ArtefactPair:
    """The pair of a group with the median SSIM, of an even number the lower of the two; ties are ordered by name."""
    pairs = [artefacts.pair(*names) for names in group.pairs]
    ranked = sorted(pairs, key=lambda pair: (pair.ssim, pair.codec_a, pair.codec_b))
    return ranked[(len(ranked) - 1) // 2]


def _similarity(pair: ArtefactPair) -> str:
    mean = f"SSIM {pair.ssim:.2f}, correlation {pair.pearson:.2f}"
    return f"{mean} (here {pair.example_ssim:.2f}, {pair.example_pearson:.2f})"
