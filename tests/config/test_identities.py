"""The ids of cells and renditions of every committed experiment stay as they are, so that no result is made twice.

identities.json was written by the code of commit bc8b543, before the packages of `grid` were laid out anew: every cell
id of `demo.yaml` from the sample corpus, and of each experiment file the digests of all ids over made-up corpora.
Those of `codecfake.yaml` were written when codecs of more than 16 kHz began to get VCTK from its 48 kHz.
Whoever changes numbers on purpose (a revision, a recipe) writes the new values there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from grid.config.yaml_file import config_folder
from grid.core.identity import digest
from grid.core.store import Store
from grid.experiment.grid import resolve
from tests.support.committed_experiments import COMMITTED, config_name, made_up_corpus

WRITTEN: dict[str, Any] = json.loads(Path(__file__).with_name("identities.json").read_text(encoding="utf-8"))


def test_demo_has_the_same_cells(tmp_path: Path) -> None:
    grid = resolve(config_folder() / "demo.yaml", Store.open(tmp_path))
    assert [cell.cell_id for cell in grid.cells] == WRITTEN["demo_cell_ids"]


@pytest.mark.parametrize("path", COMMITTED, ids=config_name)
def test_cells_and_renditions_keep_their_ids(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grid.experiment.grid.corpus_facts", made_up_corpus)
    grid = resolve(path, Store.open(tmp_path))
    now = {
        "cells": len(grid.cells),
        "cell_ids": digest([cell.cell_id for cell in grid.cells]),
        "renditions": digest([rendition.folder for rendition in grid.renditions]),
    }
    assert now == WRITTEN["with_made_up_corpora"][config_name(path)]
