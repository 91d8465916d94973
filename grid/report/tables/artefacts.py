"""The table of artefact similarity: SSIM and Pearson correlation by group and category of codec pairs."""

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
    "How alike the artefacts of two codecs are: the residual spectrogram is the recording minus the resynthesised "
    "speech (dB, aligned in time); 1 means the same residual. The mean ± standard error over the pairs of a group, "
    "each pair with its mean over {utterances} utterances. Intra-family pairs are two configurations of one codec in "
    "one place of the taxonomy, inter-family pairs two codecs in one place; a pair of an axis' discrepancy is of two "
    "codecs that differ in this axis alone and agree in the other two. Other pairs are in no group."
)
NO_PLACE = "Without a place in the taxonomy, so in intra-family pairs alone: {}."


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
    return (
        label(group.name),
        label(group.category or "all"),
        number,
        _similarity([pair.ssim for pair in pairs]),
        _similarity([pair.pearson for pair in pairs]),
    )


def _similarity(values: Sequence[float]) -> Cell:
    mean, error = mean_and_error([value for value in values if not math.isnan(value)])
    details = () if math.isnan(error) else (f"± {error:.3f}",)
    return Cell("none" if math.isnan(mean) else f"{mean:.3f}", (mean, error), details=details)
