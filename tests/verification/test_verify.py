"""Verification of a store: damage of every kind is found and named, and after a repair a run makes the same again."""

from __future__ import annotations

import random
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from grid.cells.job import CellJob
from grid.cells.measurements import measurement_path
from grid.core.derived_file import write_derived
from grid.core.errors import RequestError
from grid.core.store import Store
from grid.corpus.audit.features import features_folder
from grid.corpus.audit.stored import measure_stored
from grid.experiment.frozen import freeze
from grid.experiment.grid import Grid
from grid.measuring.measure import measure_cell
from grid.run_cell import run_cell
from grid.training.checkpoint import Epoch
from grid.training.train import train
from grid.verification.damage import Damage, Reading
from grid.verification.verify import damages, no_run, remove
from tests.support.command_line import codecgrid
from tests.support.damage import flip_bit
from tests.support.tiny_grid import Tiny, tiny

CPU = torch.device("cpu")
MADE_ANEW = ("cell.json", "record.json", "history.json")
"""Files that hold times, the process that made them, or how long it took."""


@dataclass(frozen=True)
class Done:
    """A finished experiment, with every file that is the same whenever it is made."""

    made: Tiny
    grid: Grid
    files: dict[str, bytes]

    @property
    def store(self) -> Store:
        return self.made.store

    @property
    def job(self) -> CellJob:
        return self.grid.cells[0]


def run(made: Tiny) -> Grid:
    """What `codecgrid run` does, in this process: import, render, train, score, measure."""
    grid = made.rendered()
    freeze(made.store, grid)
    for job in grid.cells:
        assert run_cell(made.store, job, grid.experiment, gpu=False)
    return grid


def files(store: Store) -> dict[str, bytes]:
    paths = [path for path in Path(store.root).rglob("*") if path.is_file() and path.name not in MADE_ANEW]
    return {str(path.relative_to(store.root)): path.read_bytes() for path in paths if path.suffix != ".lock"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("verify")
    run(tiny(folder, grid={"selections": ["mu-law"], "policies": ["spoof"]}, recipe={"epochs": 1}))
    return folder


@pytest.fixture
def done(finished: Path, tmp_path: Path) -> Done:
    """A copy of the finished experiment, to damage."""
    shutil.copytree(finished / "results", tmp_path / "results")
    made = Tiny(finished / "tiny.yaml", Store.open(tmp_path / "results"))
    return Done(made, made.grid, files(made.store))


def verify(store: Store, **options: float) -> list[Damage]:
    return list(damages(Reading(store, **options)))


def repaired(done: Done) -> None:
    """Repairs and runs again, and asserts that all is as it was before the damage."""
    remove(done.store, verify(done.store))
    run(done.made)
    assert files(done.store) == done.files
    assert verify(done.store) == []


def test_a_finished_experiment_has_no_damage(done: Done) -> None:
    reading = Reading(done.store)
    assert list(damages(reading)) == []
    assert (reading.shards, reading.shards_read, reading.unverified) == (8, 8, [])
    # two renditions, a corpus, a cell and its scores of two renditions
    assert reading.steps == 6


def first(done: Done, pattern: str) -> str:
    return next(str(path.relative_to(done.store.root)) for path in sorted(Path(done.store.root).glob(pattern)))


@pytest.mark.parametrize(
    ("pattern", "place", "problem"),
    [
        ("audio/tiny/raw-*/shard-00001.parquet", 0.6, "damaged utterances: 1, such as"),
        ("audio/tiny/mu-law-*/shard-00000.parquet", 0.5, "its SHA-256 is not the recorded one"),
        ("audio/tiny/raw-*/manifest.parquet", 0.5, "its SHA-256 is not the recorded one"),
        ("audio/tiny/raw-*/record.json", 0.1, "record.json is damaged"),
        ("corpora/tiny-*/manifest.parquet", 0.3, "manifest.parquet"),
        ("corpora/tiny.json", 0.1, "corpora/tiny.json"),
        ("cells/*/weights.safetensors", 0.7, "weights.safetensors changed after it was written"),
        ("cells/*/history.json", 0.5, "history.json changed after it was written"),
        ("cells/*/record.json", 0.5, "record.json is damaged"),
        ("cells/*/cell.json", 0.5, ""),
        ("cells/*/scores/*/scores.parquet", 0.5, "scores.parquet changed after it was written"),
        ("cells/*/scores/*/record.json", 0.5, "record.json is damaged"),
        ("cells/*/measurements-*.json", 0.5, "is damaged"),
        ("experiments/tiny.json", 0.0, "is damaged"),
    ],
)
def test_a_flipped_bit_is_found_and_repair_and_run_make_the_same_again(
    done: Done, pattern: str, place: float, problem: str
) -> None:
    path = first(done, pattern)
    flip_bit(done.store, path, place)
    (damage,) = verify(done.store)
    assert path.startswith(damage.path)
    assert problem in damage.problem
    assert all(done.store.exists(removed) for removed in damage.remove)
    repaired(done)


def test_a_damaged_shard_is_rendered_again_alone(done: Done) -> None:
    shard = first(done, "audio/tiny/raw-*/shard-00002.parquet")
    flip_bit(done.store, shard, 0.5)
    folder = shard.rpartition("/")[0]
    others = {path: path.stat().st_mtime_ns for path in Path(done.store.uri(folder)).glob("shard-0000[013].parquet")}
    (damage,) = verify(done.store)
    assert damage.remove == (f"{folder}/record.json", shard, f"{folder}/rows-00002.parquet")
    repaired(done)
    assert {path: path.stat().st_mtime_ns for path in others} == others


def test_a_damaged_table_of_rows_never_enters_a_manifest(done: Done) -> None:
    rows = first(done, "audio/tiny/raw-*/rows-00001.parquet")
    flip_bit(done.store, rows, 0.02)
    (damage,) = verify(done.store)
    assert (damage.path, damage.problem, damage.remove) == (rows, "does not agree with the manifest", (rows,))
    flip_bit(done.store, rows.replace("rows-00001", "shard-00002"), 0.5)
    repaired(done)  # the shard of the rows is rendered again together with the damaged one


@pytest.mark.parametrize("pattern", ["audio/tiny/raw-*/shard-00001.parquet", "audio/tiny/raw-*/manifest.parquet"])
def test_a_missing_file_of_a_rendition_is_found(done: Done, pattern: str) -> None:
    done.store.remove(first(done, pattern))
    (damage,) = verify(done.store)
    assert damage.problem == "is missing"
    repaired(done)


def test_a_damaged_state_is_found(done: Done) -> None:
    job = done.job.model_copy(update={"cell_id": "0" * 16})

    def stop(job: CellJob, epoch: Epoch) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(done.store, job, device=CPU, report=stop)
    assert verify(done.store) == []
    flip_bit(done.store, f"{job.folder}/state.pt", 0.5)
    (damage,) = verify(done.store)
    assert damage.remove == (f"{job.folder}/state.pt",)


def test_measurements_of_other_scores_are_found(done: Done) -> None:
    path = measurement_path(done.job, done.grid.experiment)
    kept = done.store.read_bytes(path)
    folder = first(done, "cells/*/scores/*/record.json").rpartition("/")[0]
    done.store.remove(folder)
    (damage,) = verify(done.store)
    assert (damage.path, damage.remove) == (path, (path,))
    assert damage.problem == "was made from other scores than those that are there"
    repaired(done)
    assert done.store.read_bytes(path) == kept


def test_measurements_of_another_cell_are_found(done: Done) -> None:
    path = measurement_path(done.job, done.grid.experiment)
    content = done.store.read_json(path)
    elsewhere = {source.replace(done.job.cell_id, "0" * 16): sha256 for source, sha256 in content["made_from"].items()}
    write_derived(done.store, path, elsewhere, content["items"])
    (damage,) = verify(done.store)
    assert (damage.path, damage.problem) == (path, "was made from the scores of another cell")
    repaired(done)


@pytest.mark.slow
def test_a_subset_of_the_shards_is_drawn_and_all_else_is_read(done: Done) -> None:
    for seed in range(3):
        reading = Reading(done.store, share=0.5, draw=random.Random(seed))
        assert list(damages(reading)) == []
        assert 0 < reading.shards_read < reading.shards == 8
    flip_bit(done.store, first(done, "audio/tiny/raw-*/shard-00001.parquet"), 0.5)
    found = [len(verify(done.store, share=0.5)) for _ in range(20)]
    assert set(found) == {0, 1}
    flip_bit(done.store, first(done, "cells/*/weights.safetensors"), 0.5)
    assert all(damage.path.startswith("cells/") for damage in verify(done.store, share=1e-9))
    assert len(verify(done.store, share=1e-9)) == 1


def test_files_of_an_earlier_version_are_unverified_and_not_damaged(done: Done) -> None:
    path = first(done, "cells/*/record.json")
    record = done.store.read_json(path)
    del record["sha256"]
    done.store.write_json(path, record)
    measurements = measurement_path(done.job, done.grid.experiment)
    done.store.write_json(measurements, done.store.read_json(measurements)["items"])
    reading = Reading(done.store)
    assert list(damages(reading)) == []
    assert sorted(reading.unverified) == sorted([path, measurements])
    measure_cell(done.store, done.job, done.grid.experiment)
    assert files(done.store) == done.files


@pytest.mark.slow
@pytest.mark.parametrize("pattern", ["cells/*/scores/*/record.json", "cells/*/record.json"])
def test_a_damaged_record_of_a_done_cell_is_said_by_every_command_that_reads_its_numbers(
    done: Done, pattern: str, caplog: pytest.LogCaptureFixture
) -> None:
    where = (done.made.config, "--root", done.store.root)
    path = first(done, pattern)
    flip_bit(done.store, path, 0.5)
    assert codecgrid("status", *where, "--json").json["done"] == 1  # it looks for the records, and reads none
    statuses = {}
    for command in (("report", *where, "--from", "store"), ("run", *where), ("verify", "--root", done.store.root)):
        caplog.clear()
        ended = codecgrid(*command)
        statuses[command[0]] = ended.status
        assert f"{path} is damaged" in f"{ended.out}{ended.err}{caplog.text}", ended
    assert statuses["run"] in (2, 3)
    assert statuses["report"] == statuses["verify"] == 3
    tables = Path(done.store.root).glob("reports/tiny/cells.csv")
    assert all(re.findall(r"failed|missing", table.read_text()) for table in tables)
    assert codecgrid("verify", "--root", done.store.root, "--repair").status == 3
    assert codecgrid("status", *where, "--json").json["todo"] == 1


def test_damaged_features_of_a_corpus_are_found_and_measured_again(tmp_path: Path) -> None:
    made = tiny(tmp_path)
    folder = features_folder(made.corpus().folder)
    record = measure_stored(made.store, "tiny")
    assert verify(made.store) == []
    flip_bit(made.store, f"{folder}/part-00000.parquet", 0.5)
    (damage,) = verify(made.store)
    assert (damage.path, damage.command) == (f"{folder}/part-00000.parquet", "codecgrid audit, of this corpus")
    remove(made.store, [damage])
    assert measure_stored(made.store, "tiny").outputs == record.outputs
    assert verify(made.store) == []


def test_nothing_is_deleted_under_a_run(done: Done) -> None:
    lock, refused = (
        done.store.lock("experiments/tiny.lock", timeout=1),
        pytest.raises(RequestError, match="is being run"),
    )
    with lock, refused, no_run(done.store):
        pass
    with no_run(done.store):
        pass


def test_a_root_without_results_is_a_wrong_request(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="holds no results"):
        verify(Store.open(tmp_path))
