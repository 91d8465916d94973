"""The rows (trainings of each detector) and columns (sets of trials) that the tables of the CDD paper share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from grid.analysis.results import GridResults
from grid.core.vocabulary import NO_CORS, POOLED
from grid.report.paired import TrainingOfGrid
from grid.report.papers.shared.stated_figures import NamesOfWords, PaperFigures, in_order, read_figures, word
from grid.report.summary import percent
from grid.report.table import Cell, Column, Footnotes, label

T_COSG, T_CORS, ALL, ASV5 = "T-CoSG", "T-CoRS", "All", "ASV5"
BY_ATTACK, BY_CODEC = "attack=", "bonafide-codec="
OWN_TRAINING = "CDD"
"""What the paper's detectors are trained on where its table does not say so."""
BASELINE_WORD = "baseline"

LABELS = tuple(Column(name, align="left") for name in ("detector", "codec", "label"))


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
    def key(self) -> str:
        """The name of the column in the file of figures."""
        return self.evaluation if self.condition == POOLED else f"{self.evaluation} {self.name}"


def figures() -> PaperFigures:
    return read_figures("cdd")


def by_attack(results: GridResults) -> list[TrialColumn]:
    """T-CoSG by generator: all recordings against the speech of one generator."""
    return _split(results, T_COSG, BY_ATTACK, figures().attacks)


def by_codec(results: GridResults) -> list[TrialColumn]:
    """T-CoRS by codec: the speech resynthesised by one codec against all generated speech."""
    return _split(results, T_CORS, BY_CODEC, figures().codecs)


def _split(results: GridResults, evaluation: str, kind: str, words: NamesOfWords) -> list[TrialColumn]:
    conditions = [name for name in results.conditions(evaluation) if name.startswith(kind)]
    values = in_order(words, (name.removeprefix(kind) for name in conditions))
    return [
        TrialColumn(evaluation, f"{kind}{value}", word(words, value) or value, word(words, value) is not None)
        for value in values
    ]


def trainings(results: GridResults) -> Iterator[TrainingOfGrid]:
    """The rows in order: by detector, trainings without CoRS before those with it."""
    for detector in results.detectors():
        of_cells = [TrainingOfGrid(detector, c.selection, c.policy) for c in results.select(detector=detector)]
        yield from sorted(dict.fromkeys(of_cells), key=lambda training: training.policy != NO_CORS)


def paper_detector(name: str) -> str:
    """The paper's word for a detector, or our name where it has none."""
    return word(figures().detectors, name) or name


def names(results: GridResults, training: TrainingOfGrid) -> tuple[str, str, str]:
    """A row's detector, codec and label of CoRS, in the words of the paper where it has them."""
    detector = paper_detector(training.detector)
    codecs = next((c.codecs for c in results.select(selection=training.selection)), ())
    codec = (word(figures().codecs, codecs[0]) if len(codecs) == 1 else None) or training.selection
    if training.policy == NO_CORS:
        return detector, codec if codecs else BASELINE_WORD, NO_CORS
    return detector, codec, word(figures().policies, training.policy) or training.policy


def labels(results: GridResults, training: TrainingOfGrid) -> tuple[Cell, Cell, Cell]:
    detector, codec, mark = names(results, training)
    return label(detector), label(codec), label(mark)


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


def remarks(results: GridResults, table: int) -> list[str]:
    """The remarks on the paper's figures: which are not shown, and why."""
    reason, missing = incomparable(results), figures().missing.get(table)
    if reason:
        return [f"The paper's figures are left out, since they are of other trials: {reason}."]
    return [f"Figures of the paper that codecgrid does not have and so does not show: {missing}."] if missing else []


def interval(lower: float, upper: float, write: Callable[[float], str] = percent) -> tuple[str, ...]:
    """The bounds on two short lines, so that a dozen such columns fit a page; empty if they are NaN."""
    return () if math.isnan(lower) or math.isnan(upper) else (f"[{write(lower)},", f"{write(upper)}]")


def other_seeds(troubles: tuple[str, ...], footnotes: Footnotes) -> str:
    """The footnote mark of an entry without some of its seeds; "" if it has all."""
    return footnotes.mark("mean of the other seeds; " + "; ".join(troubles)) if troubles else ""
