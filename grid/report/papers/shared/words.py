"""The words of a paper for our names, and what is not in print, read from a YAML file beside the paper tables."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from pydantic import Field

from grid.config.yaml_file import Strict, parse, read_yaml

FOLDER = Path(__file__).resolve().parents[1]
NamesOfWords = dict[str, tuple[str, ...]]
"""A word of the paper, and our names for the same thing."""


class PaperWords(Strict):
    """The whole file. `setup` is what its detectors are trained on; `absent`, by table, what is not in print."""

    paper: str
    arxiv: str
    setup: str
    detectors: NamesOfWords
    attacks: NamesOfWords = Field(default_factory=dict)
    codecs: NamesOfWords
    policies: NamesOfWords = Field(default_factory=dict)
    training: NamesOfWords
    absent: dict[str, str] = Field(default_factory=dict)

    def remarks(self, table: str) -> list[str]:
        """The remark on figures of `table` that are not in print and so have no place beside ours; often none."""
        return [f"Not in print, and so not beside ours: {self.absent[table]}."] if table in self.absent else []


@lru_cache
def paper_words(paper: str) -> PaperWords:
    """The words of `paper`, from the file `PAPER.yaml` in `FOLDER`."""
    return parse(PaperWords, read_yaml(FOLDER / f"{paper}.yaml"))


def word(words: NamesOfWords, name: str) -> str | None:
    """The paper's word for our `name`, or None where it has none."""
    return next((paper for paper, ours in words.items() if name.lower() in map(str.lower, ours)), None)


def in_order(words: NamesOfWords, names: Iterable[str]) -> list[str]:
    """Our `names`: those that the paper has, in its order, then the others in the order given."""
    order = list(words)
    return sorted(names, key=lambda name: order.index(paper) if (paper := word(words, name)) else len(order))
