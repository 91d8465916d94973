"""The experiment files of `configs/`, and what to put in the place of their corpora, which are not here."""

from __future__ import annotations

from pathlib import Path

from grid.config.experiment import CorpusSource
from grid.config.yaml_file import config_folder
from grid.core.identity import digest
from grid.core.store import Store
from grid.core.vocabulary import SPLITS, Role
from grid.corpus.holdings import CorpusFacts, Holding

PARTS = ("recipes", "detectors", "codecs")
"""Folders of `configs/` that hold parts of experiments; every other file is one."""

COMMITTED = sorted(
    path for path in config_folder().rglob("*.yaml") if path.relative_to(config_folder()).parts[0] not in PARTS
)


RECORDED_RATES = {"vctk": (48_000,)}
"""The rates of the files of the real corpora where they are not 16 kHz alone."""


def config_name(path: Path) -> str:
    """The name of an experiment file below `configs/`."""
    return path.relative_to(config_folder()).as_posix()


def made_up_corpus(store: Store, source: CorpusSource, folder: Path) -> CorpusFacts:
    """In the place of `grid.corpus.imported.corpus_facts`: a corpus with one utterance of every role in every split."""
    coded = "mvq-none-time"
    kinds: list[tuple[Role, str]] = [("raw", ""), ("cors", coded), ("attack", ""), ("cosg", coded)]
    held = (Holding(split, *kind, False, 1) for split in SPLITS for kind in kinds)
    return CorpusFacts(source.name, digest(source.name), tuple(held), RECORDED_RATES.get(source.name, (16_000,)))
