"""What the tables of the CodecFake+ paper share: its training sets, and the columns of its 17 generators."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from grid.analysis.results import CellResult, GridResults
from grid.core.vocabulary import NO_CORS, POOLED, SPOOF
from grid.corpus.cosg_systems import cosg_systems
from grid.report.papers.shared.beside import BESIDE, beside, beside_values
from grid.report.papers.shared.codec_matrix import MatrixColumn
from grid.report.papers.shared.words import PaperWords, paper_words, word
from grid.report.summary import percent, state_cell, summarise, uncertainty
from grid.report.table import Cell, Footnotes

CORS, COSG = "CoRS", "CoSG"
BY_SYSTEM = "system="
NO_CORS_WORD, NO_CORPUS_WORD = "no CoRS", "no other corpus"
INTERVAL_PARTS = ("eer", "lower", "upper", "standard_error", "seeds", *BESIDE, "paper_lower", "paper_upper")
MAIN_DETECTOR = "W2V2-AASIST"
"""The detector of every table of the paper but the first rows of Table VI."""


def words() -> PaperWords:
    return paper_words("codecfake_plus")


@dataclass(frozen=True)
class TrainingSet:
    """One training with the cells of its seeds; `detector`, `cors` and `corpora` are words of the paper, or else ours.

    `codec` is its letter for the one codec that is heard, "" for several or none.
    """

    detector: str
    cors: str
    corpora: str
    codec: str
    policy: str
    grid: GridResults
    cells: tuple[CellResult, ...]

    @property
    def in_print(self) -> str:
        """The training set as the paper writes it: `CoRS (J, L1, L2) + ASVspoof5`; "" for labels that it has not."""
        if self.policy not in (NO_CORS, SPOOF):
            return ""
        heard = [part for part in (self.cors, self.corpora) if part not in (NO_CORS_WORD, NO_CORPUS_WORD)]
        return " + ".join(heard)


def training_sets(results: GridResults) -> Iterator[TrainingSet]:
    """The trainings of this experiment, then of the compared ones."""
    for grid in (results, *results.compared):
        corpora = word(words().training, grid.name) or grid.name
        for detector in grid.detectors():
            for selection, policy in dict.fromkeys((c.selection, c.policy) for c in grid.select(detector=detector)):
                cells = grid.select(detector=detector, selection=selection, policy=policy)
                codecs = cells[0].codecs if policy != NO_CORS else ()
                yield TrainingSet(
                    detector=word(words().detectors, detector) or detector,
                    cors=NO_CORS_WORD if policy == NO_CORS else word(words().policies, selection) or selection,
                    corpora=corpora,
                    codec=(word(words().codecs, codecs[0]) or codecs[0]) if len(codecs) == 1 else "",
                    policy=policy,
                    grid=grid,
                    cells=cells,
                )


def system_columns(*grids: GridResults) -> list[MatrixColumn]:
    """CoSG by generator: those of the paper in the order of Table IV, then the others; only what some grid measured."""
    measured = dict.fromkeys(
        name.removeprefix(BY_SYSTEM) for grid in grids for name in grid.conditions(COSG) if name.startswith(BY_SYSTEM)
    )
    known = [name for name in cosg_systems() if name in measured]
    others = [name for name in measured if name not in cosg_systems()]
    return [
        MatrixColumn(cosg_systems()[name].name if name in known else name, COSG, f"{BY_SYSTEM}{name}")
        for name in (*known, *others)
    ]


def pooled_column(name: str) -> MatrixColumn:
    return MatrixColumn(name, name, POOLED)


def interval_cell(
    training: TrainingSet,
    evaluation: str,
    condition: str,
    stated: float | None,
    bounds: tuple[float, float],
    footnotes: Footnotes,
) -> Cell:
    """The EER of a training with its uncertainty, and the paper's with its interval; values as in `INTERVAL_PARTS`."""
    summary = summarise(training.cells, evaluation, condition)
    if summary.state != "done":
        return state_cell(summary, len(INTERVAL_PARTS), footnotes)

    def write(value: float) -> str:
        lower, upper = map(percent, bounds)
        return percent(value) if math.isnan(bounds[0]) else f"{percent(value)} [{lower}, {upper}]"

    mark = footnotes.mark("mean of the other seeds; " + "; ".join(summary.troubles)) if summary.troubles else ""
    own = (summary.mean, summary.lower, summary.upper, summary.standard_error, summary.count)
    return Cell(
        percent(summary.mean),
        (*own, *beside_values(summary.mean, stated), *bounds),
        mark,
        (*filter(None, [uncertainty(summary)]), *beside(summary.mean, stated, write)),
    )
