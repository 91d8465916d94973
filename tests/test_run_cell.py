"""A cell from start to end: on an object store as on a local one, and over two corpora with equal names."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from grid.cells.job import WEIGHTS, CellJob, scores_folder
from grid.core.record import read_record
from grid.core.store import Store
from grid.inputs.batches import UtteranceLoader
from grid.inputs.preparation import preparation_of
from grid.measuring.measure import measure_cell
from grid.run_cell import run_cell
from grid.scoring.score_tables import read_scores
from grid.training.cell_items import CellDataset
from tests.support.tiny_grid import Tiny, tiny, write_corpus

ONE_CELL = {"selections": ["mu-law"], "policies": ["spoof"]}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def run(made: Tiny) -> CellJob:
    grid = made.rendered()
    (job,) = grid.cells
    assert run_cell(made.store, job, grid.experiment, gpu=False)
    return job


@pytest.mark.slow
def test_on_an_object_store_a_cell_gives_the_numbers_of_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODECGRID_CACHE", str(tmp_path / "cache"))
    disk = tiny(tmp_path, grid=ONE_CELL, recipe={"epochs": 1})
    remote = Tiny(disk.config, Store.open(f"memory://{tmp_path.name}-cell"))
    jobs = [run(made) for made in (disk, remote)]
    assert jobs[0].cell_id == jobs[1].cell_id
    records = [read_record(made.store, job.folder) for made, job in zip((disk, remote), jobs, strict=True)]
    assert records[0] is not None
    assert records[1] is not None
    assert records[0].outputs[WEIGHTS] == records[1].outputs[WEIGHTS]
    for folder in jobs[0].scored:
        place = scores_folder(jobs[0].folder, folder)
        assert read_scores(disk.store, place).equals(read_scores(remote.store, place))


@pytest.mark.slow
def test_two_corpora_that_share_names_are_mixed_scored_and_measured(tmp_path: Path) -> None:
    write_corpus(tmp_path / "other", speakers=3)
    corpora = [
        {"name": "tiny", "reader": "csv", "path": "corpus/protocol.csv"},
        {"name": "other", "reader": "csv", "path": "other/protocol.csv"},
    ]
    policy = {"label": "bonafide", "mixing": "replace", "probability": 1.0}
    made = tiny(
        tmp_path,
        corpora=corpora,
        grid={"selections": [{"name": "two", "codecs": ["mu-law", "gsm-06.10"]}], "policies": ["none", policy]},
        recipe={"epochs": 1},
    )
    grid = made.rendered()
    baseline, replaced = grid.cells
    assert run_cell(made.store, baseline, grid.experiment, gpu=False)
    pooled = next(m for m in measure_cell(made.store, baseline, grid.experiment) if m.condition == "pooled")
    assert (pooled.n_bonafide, pooled.n_spoof) == (4 + 6, 4 + 6)
    audio = UtteranceLoader(made.store, preparation_of(made.store, replaced), "train", replaced.seed)
    data = CellDataset(replaced, audio, "train")
    items = data.training_set.items(0)
    heard = [data.folders[number].split("/")[1:] for number in items.source]
    # every bona fide item came from its own corpus through a codec; the spoofed ones are as they were
    corpus = [name for name, _ in heard]
    coded = [name for name, chain in heard if not chain.startswith("raw")]
    assert (corpus.count("tiny"), corpus.count("other")) == (8, 12)
    assert (coded.count("tiny"), coded.count("other")) == (4, 6)
