"""The steps of the benchmarks of finished grids, each to be run in a process of its own: ours and the alternatives."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def plan(root: str, config: str) -> dict[str, Any]:
    """What `codecgrid plan` works out, without the printing."""
    from grid.cells.status import planned_action
    from tasks.open_experiment import open_grid

    grid, store = open_grid(config, root)
    return {"cells": sum(planned_action(store, job) == ("skip", "done") for job in grid.cells)}


def status(root: str, config: str) -> dict[str, Any]:
    """What `codecgrid status` works out, without the printing."""
    from tasks.open_experiment import open_states

    return {"cells": sum(state.status == "done" for state in open_states(config, root)[2])}


def read_all_records(root: str, config: str) -> dict[str, Any]:
    """The alternative: reads and checks the record of each cell and of each of its scores."""
    from grid.cells.job import scores_folder
    from grid.core.record import read_record
    from tasks.open_experiment import open_grid

    grid, store = open_grid(config, root)
    scores = [scores_folder(job.folder, rendition) for job in grid.cells for rendition in job.scored]
    folders = [*(job.folder for job in grid.cells), *scores]
    return {"records": sum(read_record(store, folder) is not None for folder in folders)}


def import_rows(protocol: str, out: str) -> dict[str, Any]:
    """Imports a CSV protocol whose audio is not looked at."""
    from unittest import mock

    from grid.corpus.importing import import_corpus
    from grid.corpus.readers import open_corpus

    with mock.patch("grid.corpus.importing._read", _without_audio):
        return {"rows": import_corpus(open_corpus("csv", protocol), out).utterances}


def read_rows_with_pandas(protocol: str) -> dict[str, Any]:
    """The alternative: the protocol as a data frame, checked for duplicates, as Parquet; no manifest, no digest."""
    import pandas as pd

    table = pd.read_csv(protocol, keep_default_na=False)
    assert not table["utterance_id"].duplicated().any()
    table.to_parquet(Path(protocol).with_suffix(".parquet"))
    return {"rows": len(table)}


def _without_audio(row: Any, root: Path) -> Any:
    from grid.corpus.manifest import Utterance

    labels = (row.utterance_id, row.speaker, row.split, row.key, row.attack, row.codec)
    return Utterance(*labels, row.utterance_id, row.source, row.path, 4.0, 64_000, 16_000, 1, "0" * 64)
