"""The CodecFake+ paper's Table VII: which factors of CoRS help, on two sets of the generator MaskGCT."""

from __future__ import annotations

import math

from grid.analysis.results import GridResults
from grid.core.vocabulary import NO_CORS, POOLED, SPOOF
from grid.report.papers import PAPER_TABLES
from grid.report.papers.shared.beside import setup
from grid.report.papers.shared.codecfake_plus import (
    BY_SYSTEM,
    COSG,
    INTERVAL_PARTS,
    MAIN_DETECTOR,
    TrainingSet,
    interval_cell,
    training_sets,
    words,
)
from grid.report.papers.shared.published import FactorEer, published
from grid.report.table import Cell, Column, Footnotes, Table, label

NAME = "codecfake-plus-table-7"
VCTK, E2 = "MaskGCT-VCTK", "MaskGCT-E2"
CONDITIONS = {VCTK: (VCTK, POOLED), E2: (COSG, f"{BY_SYSTEM}maskgct")}
"""The evaluation and the condition of each column; MaskGCT-E2 is a generator of CoSG."""
BASELINES = {"ASVspoof19": "BL1", "MaskGCT-VCTK": "BL2"}
"""The rows that hear no CoRS, by the word for their training corpus."""
CAPTION = (
    "Which CoRS teaches to detect one generator, as Table VII of {paper} lays it out: EER in % of detectors trained on "
    "ASVspoof 2019 LA, on the generator MaskGCT itself (of VCTK), and on the CoRS of codecs that share parts with it "
    "or do best (rows; the names are the paper's), on the speech of MaskGCT of VCTK and of the test set of E2 TTS "
    "(columns). Below each number its bootstrap interval in brackets or, over several seeds, ± its standard error; in "
    "parentheses the paper's figure with its interval, and ours minus the paper's in percentage points. Whether its "
    "rows of one codec are trained for 4 epochs, as at its codec level, or for 20, as its other analyses, the paper "
    "does not say. {setup}"
)


@PAPER_TABLES.register(NAME)
def table(results: GridResults) -> Table:
    """The rows of the paper in its order, then the other trainings of this experiment."""
    footnotes = Footnotes()
    order = [row.row for row in published(NAME, FactorEer)]
    found = [(training, row_name(training)) for training in training_sets(results)]
    first: dict[tuple[str, str], TrainingSet] = {}
    for training, name in found:
        if training.grid is results or name in BASELINES.values():
            first.setdefault((training.detector, name if name in order else training.in_print), training)
    kept = [item for item in found if item[0] in first.values()]
    shown = sorted(kept, key=lambda item: order.index(item[1]) if item[1] in order else len(order))
    troubles = [f"Experiment {grid.name} is not here: {grid.trouble}." for grid in results.compared if grid.trouble]
    absent = [name for name in order if name not in {name for _, name in shown}]
    left_out = f"Rows of the paper that no experiment here trains: {', '.join(absent)}."
    return Table(
        name=NAME,
        title="CodecFake+, Table VII: factors of CoRS",
        caption=CAPTION.format(paper=words().paper, setup=setup(results, words())),
        columns=(
            *(Column(name, align="left") for name in ("row", "detector", "trained on", "data type")),
            *(Column(name, group="tested on", parts=INTERVAL_PARTS) for name in CONDITIONS),
        ),
        rows=tuple(
            (
                label(name if name in order else ""),
                label(training.detector),
                *_trained_on(training, name),
                *(_entry(training, name, column, footnotes) for column in CONDITIONS),
            )
            for training, name in shown
        ),
        notes=footnotes.notes(*troubles, *([left_out] if absent else [])),
    )


def row_name(training: TrainingSet) -> str:
    """The paper's name of the row that a training reproduces: that of a baseline, or of one codec; "" for others."""
    if training.policy == NO_CORS:
        return BASELINES.get(training.corpora, "")
    alone = training.in_print == training.cors
    return training.codec if alone and training.policy == SPOOF else ""


def _paper_row(name: str) -> FactorEer | None:
    return next((row for row in published(NAME, FactorEer) if row.row == name), None)


def _trained_on(training: TrainingSet, name: str) -> tuple[Cell, Cell]:
    row = _paper_row(name)
    if row is not None:
        return label(row.trained_on), label(row.data_type)
    return label(training.in_print or training.cors), label("" if training.policy == NO_CORS else "CoRS")


def _entry(training: TrainingSet, name: str, column: str, footnotes: Footnotes) -> Cell:
    row = _paper_row(name) if training.detector == MAIN_DETECTOR else None
    stated, bounds = None, (math.nan, math.nan)
    if row is not None and column == VCTK:
        stated, bounds = row.vctk_percent / 100, (row.vctk_low / 100, row.vctk_high / 100)
    elif row is not None:
        stated, bounds = row.e2_percent / 100, (row.e2_low / 100, row.e2_high / 100)
    return interval_cell(training, *CONDITIONS[column], stated, bounds, footnotes)
