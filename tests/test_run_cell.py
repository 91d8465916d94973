"""A cell from start to end: on an object store as on a local one, and over two corpora with equal names."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
import torch

from grid.cells.job import WEIGHTS, CellJob, scores_folder
from grid.cells.status import LOCK, cell_states
from grid.core.lease import Lease, LeaseLostError, LeaseTimes
from grid.core.record import read_record
from grid.core.store import Store
from grid.experiment.grid import Grid
from grid.inputs.batches import UtteranceLoader
from grid.inputs.preparation import preparation_of
from grid.measuring.measure import measure_cell
from grid.run_cell import run_cell
from grid.scoring.score_tables import read_scores
from grid.training.cell_items import CellDataset
from grid.training.checkpoint import Epoch
from tests.support.s3_server import S3Server
from tests.support.tiny_grid import Tiny, tiny, write_corpus, write_experiment

OF_THE_FIRST = [{"name": "tiny", "reader": "csv", "path": "../corpus/protocol.csv"}]
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


def two_experiments(folder: Path, store: Store) -> list[Grid]:
    """Two experiments over the same audio: each has one cell of its own, and one they share."""
    policies = {"selections": ["mu-law"], "policies": ["none", "spoof"]}
    made = tiny(folder, grid=policies, recipe={"epochs": 1}, corpus={"speakers": 1, "utterances": 1})
    policies = {"selections": ["mu-law"], "policies": ["bonafide", "none"]}
    other = write_experiment(folder / "other", grid=policies, recipe={"epochs": 1}, name="other", corpora=OF_THE_FIRST)
    return [Tiny(config, store).rendered() for config in (made.config, other)]


@pytest.mark.slow
@pytest.mark.faults
def test_two_experiments_on_one_bucket_that_share_a_cell_train_it_once(s3: S3Server, tmp_path: Path) -> None:
    store = s3.store()
    grids = two_experiments(tmp_path, store)
    assert len({r.folder for grid in grids for r in grid.renditions}) == len(grids[0].renditions)
    shared = {job.cell_id for job in grids[0].cells} & {job.cell_id for job in grids[1].cells}
    assert len(shared) == 1
    epochs: list[str] = []
    begun = threading.Barrier(2)

    def run_one(grid: Grid, job: CellJob) -> bool:
        return run_cell(store, job, grid.experiment, gpu=False, report=lambda _: epochs.append(job.cell_id))

    def run_all(grid: Grid) -> dict[str, bool]:
        begun.wait()
        shared_first = sorted(grid.cells, key=lambda job: job.cell_id not in shared)
        return {job.cell_id: run_one(grid, job) for job in shared_first}

    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(run_all, grids))
    every = {job.cell_id for grid in grids for job in grid.cells}
    assert Counter(epochs) == dict.fromkeys(every, 1)
    # the later one leaves the cell to the other, or, where that has ended meanwhile, finds it done
    assert any(each[cell_id] for each in ended for cell_id in shared)
    for grid in grids:
        assert {state.status for state in cell_states(store, grid.cells)} == {"done"}


def test_a_cell_whose_lease_is_taken_over_writes_nothing_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = LeaseTimes(renewal=60.0, expiry=0.1, poll=0.01)
    monkeypatch.setattr("grid.core.lease._machine", lambda: "")  # as on two machines
    monkeypatch.setattr("grid.core.store.Lease", partial(Lease, times=times))
    monkeypatch.setenv("CODECGRID_CACHE", str(tmp_path / "cache"))
    made = Tiny(tiny(tmp_path, grid=ONE_CELL).config, Store.open(f"memory://{tmp_path.name}-lost"))
    grid = made.rendered()
    (job,) = grid.cells
    files: list[dict[str, bytes]] = []

    def take_over(epoch: Epoch) -> None:
        time.sleep(2 * times.expiry)
        taken.enter_context(made.store.lock(f"{job.folder}/{LOCK}", timeout=0))
        files.append(written())

    def written() -> dict[str, bytes]:
        """All files of cells but the lease itself, which its new holder renews."""
        return made.store.read_all([path for path in made.store.versions("cells") if not path.endswith(f"/{LOCK}")])

    with ExitStack() as taken:
        with pytest.raises(LeaseLostError, match="it writes nothing more"):
            run_cell(made.store, job, grid.experiment, gpu=False, report=take_over)
        assert [written()] == files
