"""The figures that a paper states, and its words for our names, read from a YAML file beside the paper tables."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from pydantic import Field

from grid.config.yaml_file import Strict, parse, read_yaml

FOLDER = Path(__file__).resolve().parents[1]
NamesOfWords = dict[str, tuple[str, ...]]
"""A word of the paper, and our names for the same thing."""
Number = int | str
"""A table by its number, or a figure by its name: `figure 2`."""


class EerRow(Strict):
    """Baseline EERs of a detector in percent, by evaluation or by evaluation and column."""

    tables: tuple[Number, ...]
    detector: str
    training: str
    percent: dict[str, float]


class DifferenceRow(Strict):
    """Differences from the baseline of the detector, in percentage points; keys as in `EerRow`."""

    tables: tuple[Number, ...]
    detector: str
    codec: str
    label: str
    points: dict[str, float]


class ScoreRow(Strict):
    """Mean scores, or (with a codec) their differences from the baseline's, by group and column of the table."""

    detector: str
    codec: str
    label: str
    scores: dict[str, float]


class DatabaseRow(Strict):
    """A training of CodecFake+'s Table VI: pooled EERs in percent by evaluation, with intervals where it has them."""

    letter: str
    detector: str
    cors: str
    corpora: str
    percent: dict[str, float]
    interval: dict[str, tuple[float, float]] = Field(default_factory=dict)


class PaperFigures(Strict):
    """The whole file; `missing` says, by table, which figures of the paper it lacks."""

    paper: str
    arxiv: str
    detectors: NamesOfWords
    attacks: NamesOfWords = Field(default_factory=dict)
    codecs: NamesOfWords
    policies: NamesOfWords = Field(default_factory=dict)
    training: NamesOfWords
    eers: tuple[EerRow, ...] = ()
    differences: tuple[DifferenceRow, ...] = ()
    scores: tuple[ScoreRow, ...] = ()
    database: tuple[DatabaseRow, ...] = ()
    missing: dict[Number, str] = Field(default_factory=dict)

    def eer(self, table: Number, *, detector: str, training: str, key: str) -> float | None:
        """The EER (fraction) that the paper's table states, None if it states none; names are the paper's words."""
        for row in self.eers:
            if table in row.tables and (row.detector, row.training) == (detector, training) and key in row.percent:
                return row.percent[key] / 100
        return None

    def difference(self, table: int, *, detector: str, codec: str, label: str, key: str) -> float | None:
        """The difference of EERs (fraction) that the paper's table states, None if it states none."""
        for row in self.differences:
            names = (row.detector, row.codec, row.label)
            if table in row.tables and names == (detector, codec, label) and key in row.points:
                return row.points[key] / 100
        return None

    def score(self, *, detector: str, codec: str, label: str, key: str) -> float | None:
        """The mean score, or its difference from the baseline, that the paper states, None if it states none."""
        for row in self.scores:
            if (row.detector, row.codec, row.label) == (detector, codec, label) and key in row.scores:
                return row.scores[key]
        return None


@lru_cache
def read_figures(paper: str) -> PaperFigures:
    """The figures of `paper`, from the file `PAPER.yaml` in `FOLDER`."""
    return parse(PaperFigures, read_yaml(FOLDER / f"{paper}.yaml"))


def word(words: NamesOfWords, name: str) -> str | None:
    """The paper's word for our `name`, or None where it has none."""
    return next((paper for paper, ours in words.items() if name.lower() in map(str.lower, ours)), None)


def in_order(words: NamesOfWords, names: Iterable[str]) -> list[str]:
    """Our `names`: those that the paper has, in its order, then the others in the order given."""
    order = list(words)
    return sorted(names, key=lambda name: order.index(paper) if (paper := word(words, name)) else len(order))
