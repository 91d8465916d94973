"""The CodecFake+ paper's Table VIII: how alike the artefacts of two codecs are, in five groups of pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from grid.analysis.artefacts import ArtefactResults
from grid.analysis.results import GridResults
from grid.codecs.catalogue import load_catalogue
from grid.codecs.pairs import PairGroup, pair_groups
from grid.report.papers import PAPER_TABLES
from grid.report.papers.shared.beside import BESIDE, beside_values
from grid.report.papers.shared.codecfake_plus import words
from grid.report.papers.shared.published import Similarity, published
from grid.report.summary import mean_and_error
from grid.report.table import Cell, Column, Footnotes, Table, label

NAME = "codecfake-plus-table-8"
TITLE = "CodecFake+, Table VIII: similarity of artefacts"
IN_PRINT = {
    "intra-family": "Intra-Family Taxonomy Consistency",
    "inter-family": "Inter-Family Taxonomy Consistency",
    "QUA discrepancy": "Quantization-Specific Discrepancy",
    "AUX discrepancy": "Auxiliary-Specific Discrepancy",
    "DEC discrepancy": "Decoder-Specific Discrepancy",
}
"""The paper's names of the groups, by ours, in its order."""
COLUMNS = (
    Column("group", align="left"),
    Column("pairs"),
    *(Column(name, parts=("mean", "standard_error", *BESIDE)) for name in ("SSIM", "Pearson")),
)
CAPTION = (
    "How alike the artefacts of two codecs are, as Table VIII of {paper} lays it out: similarity of residual "
    "spectrograms (recording minus resynthesised speech; 1: the same), mean ± standard error over the pairs of a "
    "group, each pair with its mean over the utterances; in parentheses the paper's figure, and ours minus the "
    "paper's. Intra-family: two configurations of one codec in one place of the taxonomy; inter-family: two codecs in "
    "one place; discrepancies: two codecs that differ in that axis alone. Ours: {utterances} utterances of {corpora}, "
    "{codecs} codecs; spectra in dB of 32 ms windows, aligned in time. Of the paper: 100 utterances of its CoRS, 31 "
    "codecs; transform, scale and alignment are not stated."
)
NOTHING = (
    "Nothing to show: the artefacts of this experiment's codecs were not compared. Write `artefacts: {utterances: "
    "100}` in its file and run `codecgrid artefacts CONFIG`."
)
NO_PAIR = "Groups of the paper of which the codecs compared have no pair: {}."


@PAPER_TABLES.register(NAME)
def table(results: GridResults) -> Table:
    """The five groups in the paper's order, as far as the codecs compared have pairs."""
    artefacts = results.artefacts
    if artefacts is None:
        return Table(NAME, TITLE, f"{words().paper}.", COLUMNS, (), Footnotes().notes(NOTHING))
    groups, footnotes = paper_groups(artefacts), Footnotes()
    absent = [name for name in IN_PRINT if name not in {group.name for group in groups}]
    return Table(
        name=NAME,
        title=TITLE,
        caption=CAPTION.format(
            paper=words().paper,
            utterances=artefacts.utterances,
            corpora=", ".join(artefacts.corpora),
            codecs=len(artefacts.codecs),
        ),
        columns=COLUMNS,
        rows=tuple(_row(artefacts, group, footnotes) for group in groups),
        notes=footnotes.notes(*([NO_PAIR.format(", ".join(IN_PRINT[name] for name in absent))] if absent else [])),
    )


def paper_groups(artefacts: ArtefactResults) -> list[PairGroup]:
    """The groups of the paper, in its order, of which the codecs compared have pairs."""
    entries = [load_catalogue().get(name) for name in artefacts.codecs]
    whole = {group.name: group for group in pair_groups(entries) if not group.category}
    return [whole[name] for name in IN_PRINT if name in whole]


def _row(artefacts: ArtefactResults, group: PairGroup, footnotes: Footnotes) -> tuple[Cell, ...]:
    pairs = [artefacts.pair(*pair) for pair in group.pairs]
    printed = next(row for row in published(NAME, Similarity) if row.group == IN_PRINT[group.name])
    return (
        label(IN_PRINT[group.name]),
        Cell(str(len(pairs)), (len(pairs),), footnotes.mark("a single pair") if len(pairs) == 1 else ""),
        _similarity([pair.ssim for pair in pairs], printed.mean_ssim),
        _similarity([pair.pearson for pair in pairs], printed.mean_correlation),
    )


def _similarity(values: Sequence[float], stated: float) -> Cell:
    mean, error = mean_and_error([value for value in values if not math.isnan(value)])
    own = () if math.isnan(error) else (f"± {error:.3f}",)
    beside = f"({stated:.3f})" if math.isnan(mean) else f"({stated:.3f}, {mean - stated:+.3f})"
    text = "none" if math.isnan(mean) else f"{mean:.3f}"
    return Cell(text, (mean, error, *beside_values(mean, stated)), details=(*own, beside))
