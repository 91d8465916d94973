"""The CodecFake+ paper's Figure 7: CoSG or CoRS for training, on all CoSG and on each of the 17 generators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grid.analysis.results import GridResults
from grid.core.vocabulary import SPOOF
from grid.report.papers import PAPER_TABLES
from grid.report.papers.shared.beside import LEGEND, setup
from grid.report.papers.shared.codec_matrix import PARTS, MatrixColumn, eer_cell
from grid.report.papers.shared.codecfake_plus import (
    COSG,
    MAIN_DETECTOR,
    TrainingSet,
    pooled_column,
    system_columns,
    training_sets,
    words,
)
from grid.report.papers.shared.published import cross_testing_eer
from grid.report.summary import state_cell, summarise
from grid.report.table import Cell, Column, Footnotes, Table, label

NAME = "codecfake-plus-figure-7"
CODEC_LEVEL = "codecfake-plus-codec-level"
TRAINED = {"ASVspoof19": "ASVspoof 2019", "MaskGCT-VCTK": "MaskGCT-VCTK", "CoRS (DEC Balance)": "DEC balance"}
"""The rows of the figure but the last, by the training set as the paper writes it elsewhere."""
TOP = "Top-1 of Figure 6"
CAPTION = (
    "Whether the speech of one generator or CoRS trains the better detector, as Figure 7 of {paper} shows it: EER in % "
    "of detectors trained on ASVspoof 2019 LA, on MaskGCT (of VCTK), on the DEC balance of CoRS, and, in each column "
    "anew, of that detector trained on one codec that does best there (rows; the letter is the codec), on all CoSG and "
    "on each generator against its own recordings (columns). Below each number its bootstrap interval in brackets or, "
    "over several seeds, ± its standard error; {legend}. {setup}"
)
CHOSEN = (
    "The last row is chosen by the very trials it is shown on, as in the paper, so that it is lower than what a choice "
    "made without them would give. It is chosen among the {count} trainings on one codec of experiment {experiment}."
)


@dataclass(frozen=True)
class FigureRow:
    """A row: its name in the paper, its detector, and the trainings of which each column shows the best."""

    name: str
    detector: str
    trainings: tuple[TrainingSet, ...]


@PAPER_TABLES.register(NAME)
def table(results: GridResults) -> Table:
    """The four rows of the paper for each detector, as far as some experiment trains them."""
    footnotes, found = Footnotes(), list(training_sets(results))
    columns = [pooled_column(COSG), *system_columns(results, *results.compared)]
    rows = [row for detector in dict.fromkeys(t.detector for t in found) for row in _rows(found, detector)]
    troubles = [f"Experiment {grid.name} is not here: {grid.trouble}." for grid in results.compared if grid.trouble]
    absent = [name for name in (*TRAINED.values(), TOP) if name not in {row.name for row in rows}]
    left_out = f"Rows of the paper that no experiment here trains: {', '.join(absent)}."
    tops = [row for row in rows if row.name == TOP]
    chosen = [CHOSEN.format(count=len(row.trainings), experiment=row.trainings[0].grid.name) for row in tops[:1]]
    return Table(
        name=NAME,
        title="CodecFake+, Figure 7: CoSG or CoRS for training",
        caption=CAPTION.format(paper=words().paper, legend=LEGEND, setup=setup(results, words())),
        columns=(
            *(Column(name, align="left") for name in ("trained on", "detector")),
            *(Column(column.word, group="tested on", parts=(*PARTS, "codec")) for column in columns),
        ),
        rows=tuple(
            (label(row.name), label(row.detector), *(_entry(row, column, footnotes) for column in columns))
            for row in rows
        ),
        notes=footnotes.notes(*troubles, *([left_out] if absent else []), *chosen, *words().remarks(NAME)),
    )


def _rows(found: Sequence[TrainingSet], detector: str) -> list[FigureRow]:
    """The rows of a detector: those of the paper that are trained, the best of the single codecs last."""
    own = [training for training in found if training.detector == detector]
    named = {training.in_print: training for training in reversed(own)}
    rows = [FigureRow(name, detector, (named[key],)) for key, name in TRAINED.items() if key in named]
    return rows + [FigureRow(TOP, detector, trainings) for trainings in [_single(own)] if trainings]


def _single(own: Sequence[TrainingSet]) -> tuple[TrainingSet, ...]:
    """The trainings on one codec of the codec-level experiment, or else those that are here."""
    single = [training for training in own if training.codec and training.policy == SPOOF]
    codec_level = tuple(training for training in single if training.grid.name == CODEC_LEVEL)
    first = single[0].grid if single else None
    return codec_level or tuple(training for training in single if training.grid is first)


def _entry(row: FigureRow, column: MatrixColumn, footnotes: Footnotes) -> Cell:
    """The best EER of the trainings of a row on a column, beside that of the paper."""
    summaries = [(summarise(t.cells, column.evaluation, column.condition), t.codec) for t in row.trainings]
    done = [item for item in summaries if item[0].state == "done"]
    if not done:
        return state_cell(summaries[0][0], len(PARTS) + 1, footnotes)
    best, codec = min(done, key=lambda item: item[0].mean)
    stated = cross_testing_eer(NAME, row.name, column.word) if row.detector == MAIN_DETECTOR else None
    shown = eer_cell(best, stated, footnotes)
    text = f"{shown.text} {codec}" if row.name == TOP else shown.text
    return Cell(text, (*shown.values, codec), shown.mark, shown.details)
