"""The CodecFake+ paper's Figure 5: the predicted MOS of the CoRS of each codec (a) and of each generator (b)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from grid.analysis.mos import BONAFIDE_SYSTEM, DEFAULT_THRESHOLD, MosResults, SystemMos
from grid.analysis.results import GridResults
from grid.codecs.catalogue import load_catalogue
from grid.corpus.cosg_systems import cosg_systems
from grid.report.figures.mos import MosPanel, MosRow, draw_mos
from grid.report.page import Figure, Part
from grid.report.papers import PAPER_TABLES
from grid.report.papers.shared.beside import BESIDE, beside_values
from grid.report.papers.shared.codecfake_plus import words
from grid.report.papers.shared.published import PredictedMos, published
from grid.report.papers.shared.words import in_order, word
from grid.report.summary import percent
from grid.report.table import Cell, Column, Footnotes, Table, label
from grid.report.tables.mos import BONAFIDE_NAME, MEDIAN_PARTS, count_cell, median_cell

NAME = "codecfake-plus-figure-5"
TITLE = "CodecFake+, Figure 5"
PANEL_A, PANEL_B = "(a) CoRS, by codec", "(b) CoSG, by generator"
IN_THE_TEXT = {"bona fide": BONAFIDE_SYSTEM, "DAC": "B", "FACodec": "G", "BigCodec": "S"}
"""What the paper's text has a number of, and its letter for the codec."""
CORS_CAPTION = (
    "How natural the CoRS of each codec sounds to a predictor of the mean opinion score (1 to 5), as Figure 5 (a) of "
    "{paper} shows it, beside the recordings that they were made from: mean, median with quartiles, and the share of "
    "utterances above {threshold:g}, the MOS above which Table V tests. In parentheses the paper's mean (UTMOS), and "
    "ours minus the paper's. Corpora of ours: {corpora}; of the paper: its CoRS evaluation set."
)
COSG_CAPTION = (
    "How natural each generator sounds to a predictor of the mean opinion score (1 to 5), as Figure 5 (b) of {paper} "
    "shows it (in the order of its Table IV), beside its own recordings: means and their difference, median with "
    "quartiles, and the share of utterances above {threshold:g}, which is what Table V tests. The paper says that no "
    "generator differs from its recordings by 0.6 or more, and that SimpleSpeech 1 and 2 are above 4.15 (UTMOS). "
    "Corpora of ours: {corpora}; of the paper: its CoSG."
)
FIGURE = (
    "Dot: the mean (open: of recordings, in (b) of those that belong to the generator); bar: the middle half; band: "
    "the middle half of the recordings; red cross: the paper's mean, where its text has it; dotted: {threshold:g}, "
    "above which Table V tests."
)
NO_CORS = (
    "Nothing to show: no CoRS has a predicted MOS. `codecgrid mos CORPUS --predictor utmos` (the paper's predictor) "
    "fills it for the CoRS that a corpus brings."
)
NO_COSG = "Nothing to show: no generator has a predicted MOS; fill it with `codecgrid mos CORPUS --predictor utmos`."


@PAPER_TABLES.register(NAME)
def parts(results: GridResults) -> tuple[Part, ...]:
    """The figure of what is rated, and the table of each panel, which says so where it has nothing."""
    mos = results.mos or MosResults(DEFAULT_THRESHOLD, ())
    rows = cors_rows(mos), cosg_rows(mos)
    corpora = ", ".join(results.corpora)
    tables = (_cors_table(mos, rows[0], corpora), _cosg_table(mos, rows[1], corpora))
    panels = [MosPanel(title, of) for title, of in zip((PANEL_A, PANEL_B), rows, strict=True) if of]
    caption = FIGURE.format(threshold=mos.threshold)
    figure = (Figure(NAME, f"{TITLE}: predicted MOS", caption, partial(draw_mos, panels, mos.threshold)),)
    return (*(figure if panels else ()), *tables)


def cors_rows(mos: MosResults) -> tuple[MosRow, ...]:
    """The recordings, the codecs of the paper in its order, then the others; empty where no CoRS are rated."""
    found = {item.system: item for item in mos.codecs}
    codecs = in_order(words().codecs, sorted(set(found) - {BONAFIDE_SYSTEM}))
    stated = {IN_THE_TEXT[row.speech]: row.utmos for row in published(NAME, PredictedMos)}
    family = {entry.name: entry.codec for entry in load_catalogue()}
    recordings = [BONAFIDE_SYSTEM] if codecs and BONAFIDE_SYSTEM in found else []
    rows = []
    for name in (*recordings, *codecs):
        letter = word(words().codecs, name) if name else BONAFIDE_SYSTEM
        shown = f"{letter} {family[name]}" if letter else name or BONAFIDE_NAME
        paper = math.nan if letter is None else stated.get(letter, math.nan)
        rows.append(MosRow(shown, found[name], found[name].mean, paper=paper))
    return tuple(rows)


def cosg_rows(mos: MosResults) -> tuple[MosRow, ...]:
    """The generators of the paper in the order of Table IV, then the others from the best median down."""
    found = {item.system: item for item in mos.systems if item.system != BONAFIDE_SYSTEM}
    own = {item.system: item.mean for item in mos.recordings}
    known = [name for name in cosg_systems() if name in found]
    return tuple(
        MosRow(
            cosg_systems()[name].name if name in known else name, found[name], found[name].mean, own.get(name, math.nan)
        )
        for name in (*known, *(name for name in found if name not in known))
    )


def _cors_table(mos: MosResults, rows: Sequence[MosRow], corpora: str) -> Table:
    footnotes = Footnotes()
    columns = (
        *(Column(name, align="left") for name in ("speech", "our name")),
        Column("utterances"),
        Column("mean", parts=("mean", *BESIDE)),
        Column("median", parts=MEDIAN_PARTS),
        Column(f"above {mos.threshold:g} (%)"),
    )
    entries = tuple(
        (
            label(row.name),
            Cell("" if row.speech.system == row.name else row.speech.system, (row.speech.system,)),
            count_cell(row.speech, footnotes),
            _mean_beside(row),
            *_spread(row.speech),
        )
        for row in rows
    )
    caption = CORS_CAPTION.format(paper=words().paper, threshold=mos.threshold, corpora=corpora)
    remarks = words().remarks(NAME) if rows else [NO_CORS]
    return _table("a", caption, columns, entries, footnotes, *remarks)


def _cosg_table(mos: MosResults, rows: Sequence[MosRow], corpora: str) -> Table:
    footnotes = Footnotes()
    columns = (
        Column("generator", align="left"),
        *(Column(name) for name in ("utterances", "mean", "mean of its recordings", "difference")),
        Column("median", parts=MEDIAN_PARTS),
        Column(f"above {mos.threshold:g} (%)"),
    )
    entries = tuple(
        (
            label(row.name),
            count_cell(row.speech, footnotes),
            _number(row.centre),
            _number(row.beside),
            _number(row.centre - row.beside, "+"),
            *_spread(row.speech),
        )
        for row in rows
    )
    caption = COSG_CAPTION.format(paper=words().paper, threshold=mos.threshold, corpora=corpora)
    return _table("b", caption, columns, entries, footnotes, *([] if rows else [NO_COSG]))


def _table(
    letter: str,
    caption: str,
    columns: tuple[Column, ...],
    rows: tuple[tuple[Cell, ...], ...],
    footnotes: Footnotes,
    *remarks: str,
) -> Table:
    title = f"{TITLE} ({letter}): predicted MOS of {'CoRS' if letter == 'a' else 'CoSG'}"
    return Table(f"{NAME}{letter}", title, caption, columns, rows, footnotes.notes(*remarks))


def _mean_beside(row: MosRow) -> Cell:
    """The mean, and the paper's with ours minus it."""
    stated = None if math.isnan(row.paper) else row.paper
    details = () if stated is None else (f"({stated:.3f}, {row.centre - stated:+.3f})",)
    return Cell(f"{row.centre:.3f}", (row.centre, *beside_values(row.centre, stated)), details=details)


def _number(value: float, sign: str = "") -> Cell:
    return Cell("-" if math.isnan(value) else f"{value:{sign}.2f}", (value,))


def _spread(speech: SystemMos) -> tuple[Cell, Cell]:
    return median_cell(speech), Cell(percent(speech.share_above), (speech.share_above,))
