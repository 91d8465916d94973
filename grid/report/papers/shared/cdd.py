"""The rows (trainings of each detector) and columns (sets of trials) that the tables of the CDD paper share."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from grid.analysis.results import GridResults
from grid.core.vocabulary import NO_CORS, POOLED
from grid.report.paired import TrainingOfGrid
from grid.report.papers.shared.words import NamesOfWords, PaperWords, in_order, paper_words, word
from grid.report.summary import percent
from grid.report.table import Footnotes

T_COSG, T_CORS, ALL, ASV5 = "T-CoSG", "T-CoRS", "All", "ASV5"
BY_ATTACK, BY_CODEC = "attack=", "bonafide-codec="
BASELINE_WORD = "baseline"
IN_PRINT = {NO_CORS: "none", "bona fide": "bonafide", "spoof": "spoof"}
"""The labels of CoRS in the words of the tables here, and in those of the published figures."""


@dataclass(frozen=True)
class TrialColumn:
    """A column of the paper: the trials of one condition of an evaluation, in the word of the paper or our name.

    `known` says whether the paper has a word for it.
    """

    evaluation: str
    condition: str
    name: str
    known: bool = True

    @property
    def in_print(self) -> str:
        """The name of the column in the published tables."""
        return self.evaluation if self.condition == POOLED else self.name


def words() -> PaperWords:
    return paper_words("cdd")


def by_attack(results: GridResults) -> list[TrialColumn]:
    """T-CoSG by generator: all recordings against the speech of one generator."""
    return _split(results, T_COSG, BY_ATTACK, words().attacks)


def by_codec(results: GridResults) -> list[TrialColumn]:
    """T-CoRS by codec: the speech resynthesised by one codec against all generated speech."""
    return _split(results, T_CORS, BY_CODEC, words().codecs)


def _split(results: GridResults, evaluation: str, kind: str, named: NamesOfWords) -> list[TrialColumn]:
    conditions = [name for name in results.conditions(evaluation) if name.startswith(kind)]
    values = in_order(named, (name.removeprefix(kind) for name in conditions))
    return [
        TrialColumn(evaluation, f"{kind}{value}", word(named, value) or value, word(named, value) is not None)
        for value in values
    ]


def trainings(results: GridResults) -> list[TrainingOfGrid]:
    """The rows in the blocks of Table 3: the paper's by label, detector and codec, then ours beyond it in that order.

    The labels are none, bona fide, spoof, then other policies in the order of the grid.
    """
    found = list(dict.fromkeys(TrainingOfGrid(c.detector, c.selection, c.policy) for c in results.cells))
    labels = [NO_CORS, *words().policies, *results.policies()]
    detectors = [*words().detectors, *map(paper_detector, results.detectors())]
    codecs = [BASELINE_WORD, *words().codecs, *(names(results, training)[1] for training in found)]

    def place(training: TrainingOfGrid) -> tuple[bool, int, int, int]:
        detector, codec, mark = names(results, training)
        of_paper = is_of_paper(detector, codec, mark)
        return not of_paper, labels.index(mark), detectors.index(detector), codecs.index(codec)

    return sorted(found, key=place)


def is_of_paper(detector: str, codec: str, mark: str) -> bool:
    """Whether the paper's Table 3 has a row with this detector, codec and label of CoRS."""
    return detector in words().detectors and mark in IN_PRINT and codec in (BASELINE_WORD, *words().codecs)


def paper_detector(name: str) -> str:
    """The paper's word for a detector, or our name where it has none."""
    return word(words().detectors, name) or name


def names(results: GridResults, training: TrainingOfGrid) -> tuple[str, str, str]:
    """A row's detector, codec and label of CoRS, in the words of the paper where it has them."""
    detector = paper_detector(training.detector)
    codecs = next((c.codecs for c in results.select(selection=training.selection)), ())
    codec = (word(words().codecs, codecs[0]) if len(codecs) == 1 else None) or training.selection
    if training.policy == NO_CORS:
        return detector, codec if codecs else BASELINE_WORD, NO_CORS
    return detector, codec, word(words().policies, training.policy) or training.policy


def incomparable(results: GridResults) -> str:
    """Why the paper's figures cannot be compared with ours; "" if both are of the same kinds of trials."""
    grids = (results, *results.compared)
    tested = [trials for grid in grids for trials in (*by_attack(grid), *by_codec(grid))]
    unknown = list(dict.fromkeys(trials.name for trials in tested if not trials.known))
    if unknown:
        return f"it does not test {', '.join(unknown)}"
    if not by_attack(results) or not by_codec(results):
        return f"what {T_COSG} by attack and {T_CORS} by bonafide-codec test is not known here"
    return ""


def remarks(results: GridResults, table: str) -> list[str]:
    """The remarks on the paper's figures: why they are not shown, or what ours leaves out of the pooled trials."""
    if reason := incomparable(results):
        return [
            f"The paper's figures are left out, since they are of other trials: {reason}. To see them alone: "
            f"codecgrid report --published {table}."
        ]
    tested = {trials.name for trials in (*by_attack(results), *by_codec(results))}
    absent = [name for name in (*words().attacks, *words().codecs) if name not in tested]
    less = f"Ours has no trials of {', '.join(absent)}, so that its pooled columns are of fewer kinds than the paper's."
    return [*([less] if absent else []), *words().remarks(table)]


def interval(lower: float, upper: float, write: Callable[[float], str] = percent) -> tuple[str, ...]:
    """The bounds on two short lines, so that a dozen such columns fit a page; empty if they are NaN."""
    return () if math.isnan(lower) or math.isnan(upper) else (f"[{write(lower)},", f"{write(upper)}]")


def other_seeds(troubles: tuple[str, ...], footnotes: Footnotes) -> str:
    """The footnote mark of an entry without some of its seeds; "" if it has all."""
    return footnotes.mark("mean of the other seeds; " + "; ".join(troubles)) if troubles else ""
