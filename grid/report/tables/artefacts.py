"""The table of artefact similarity: SSIM and Pearson correlation by group of codec pairs (CodecFake+, Table VIII)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from grid.analysis.artefacts import ArtefactResults
from grid.codecs.catalogue import load_catalogue
from grid.codecs.pairs import PairGroup, pair_groups
from grid.report.summary import mean_and_error
from grid.report.table import Cell, Column, Footnotes, Table, label

PARTS = ("mean", "standard_error")
COLUMNS = (
    Column("group", align="left"),
    Column("category", align="left"),
    Column("pairs"),
    Column("SSIM", parts=PARTS),
    Column("Pearson", parts=PARTS),
)
CAPTION = (
    "How alike the artefacts of two codecs are, as Table VIII of CodecFake+ asks it: the residual spectrogram is the "
    "recording minus the resynthesised speech (dB, aligned in time); 1 means the same residual. The mean ± standard "
    "error over the pairs of a group, each pair with its mean over {utterances} utterances. The groups follow from the "
    "catalogue: intra-family pairs are two configurations of one codec, inter-family pairs are not; a pair that is "
    "specific to an axis is of different families and agrees in that axis alone."
)
NO_PLACE = "Without a place in the taxonomy, so in the families alone: {}."


def artefact_table(results: ArtefactResults) -> Table:
    """One row per group of pairs, each followed by one per family or category in it."""
    catalogue = load_catalogue()
    entries = [catalogue.get(name) for name in results.codecs]
    footnotes = Footnotes()
    unclassified = [entry.name for entry in entries if entry.qua is None]
    return Table(
        name="artefact-similarity",
        title="Similarity of codec artefacts",
        caption=CAPTION.format(utterances=results.utterances),
        columns=COLUMNS,
        rows=tuple(_row(results, group, footnotes) for group in pair_groups(entries)),
        notes=footnotes.notes(*([NO_PLACE.format(", ".join(unclassified))] if unclassified else [])),
    )


def _row(results: ArtefactResults, group: PairGroup, footnotes: Footnotes) -> tuple[Cell, ...]:
    pairs = [results.pair(*pair) for pair in group.pairs]
    number = Cell(str(len(pairs)), (len(pairs),), footnotes.mark("a single pair") if len(pairs) == 1 else "")
    similarities = ([pair.ssim for pair in pairs], [pair.pearson for pair in pairs])
    return label(group.name), label(group.category or "all"), number, *map(_similarity, similarities)


def _similarity(values: Sequence[float]) -> Cell:
    mean, error = mean_and_error([value for value in values if not math.isnan(value)])
    if math.isnan(mean):
        return Cell("none", (mean, error))
    return Cell(f"{mean:.3f}", (mean, error), details=() if math.isnan(error) else (f"± {error:.3f}",))
