"""Tests of `codecgrid ls` and `gc`: what is stale after a change of the experiment; nothing else is deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from grid.cells.job import CellJob, read_job
from grid.cells.status import RUNNING
from grid.core.store import Store
from grid.experiment.frozen import freeze
from grid.verification.inventory import inventory
from tests.support.command_line import codecgrid
from tests.support.s3_server import S3Server
from tests.support.tiny_grid import Tiny, tiny, write_experiment
from tests.support.tracking_cells import alive, write_done


@pytest.fixture
def made(tmp_path: Path) -> Tiny:
    """A grid of two codecs whose cells are done, and whose file then drops one codec."""
    made = tiny(tmp_path, grid={"selections": ["gsm-06.10", "mu-law"], "policies": ["spoof"]})
    grid = made.rendered()
    freeze(made.store, grid)
    for job in grid.cells:
        write_done(made.store, job)
    write_experiment(tmp_path, grid={"selections": ["gsm-06.10"], "policies": ["spoof"]})
    return made


def files(store: Store) -> set[str]:
    return {path for path in store.sizes("") if not path.endswith(".lock")}


def below(paths: set[str], *folders: str) -> set[str]:
    return {path for path in paths if path.startswith(tuple(f"{folder}/" for folder in folders))}


def stale_folders(made: Tiny) -> tuple[CellJob, str]:
    """The cell of the codec that the file no longer names, and its rendition."""
    jobs = {each.folder.rpartition("/")[2]: each for each in inventory(made.store).cells}
    kept = {job.cell_id for job in made.grid.cells}
    (job,) = (read_job(made.store, name) for name in jobs.keys() - kept)
    return job, job.cors[0].folder


def test_ls_tells_experiments_renditions_and_their_sizes(made: Tiny) -> None:
    found = codecgrid("ls", "--root", made.store.root, "--json").json
    (experiment,) = found["experiments"]
    assert (experiment["name"], experiment["cells"], experiment["by_status"]["done"]) == ("tiny", 2, 2)
    assert {item["about"] for item in found["renditions"]} == {"tiny/raw", "tiny/gsm-06.10", "tiny/mu-law"}
    assert all(item["is_current"] and item["size"] > 0 for kind in ("cells", "renditions") for item in found[kind])
    raw = next(item for item in found["renditions"] if item["about"] == "tiny/raw")
    assert raw["size"] == sum(path.stat().st_size for path in Path(made.store.uri(raw["folder"])).iterdir())
    said = codecgrid("ls", "--root", made.store.root).out
    assert "2 cells, " in said
    assert "stale" not in said


def test_gc_without_files_keeps_all_that_ran_last(made: Tiny) -> None:
    before = files(made.store)
    ended = codecgrid("gc", "--root", made.store.root, "--yes")
    assert (ended.status, ended.out) == (0, "every cell and rendition is named by an experiment\n")
    freeze(made.store, made.grid)  # as a run of the changed file does
    job, rendition = stale_folders(made)
    assert codecgrid("gc", "--root", made.store.root, "--yes").status == 0
    assert before - files(made.store) == below(before, job.folder, rendition)


def test_gc_of_a_file_deletes_what_it_does_not_name_and_nothing_else(made: Tiny) -> None:
    before = files(made.store)
    job, rendition = stale_folders(made)
    ended = codecgrid("gc", made.config, "--root", made.store.root, "--yes")
    assert ended.status == 0, ended.err
    assert "cells of tiny: 1, " in ended.out
    assert rendition in ended.out
    assert files(made.store) == before - below(before, job.folder, rendition)
    assert codecgrid("gc", made.config, "--root", made.store.root, "--yes").out.startswith("every cell")


def test_gc_that_is_not_answered_deletes_nothing(made: Tiny) -> None:
    before = files(made.store)
    ended = codecgrid("gc", made.config, "--root", made.store.root)
    assert (ended.status, "nobody to ask" in ended.err) == (2, True)
    assert files(made.store) == before


def test_gc_leaves_a_cell_that_a_process_works_on(made: Tiny) -> None:
    job, _ = stale_folders(made)
    with alive(made.store, job):
        assert codecgrid("gc", made.config, "--root", made.store.root, "--yes").status == 0
        assert made.store.exists(f"{job.folder}/{RUNNING}")
    assert made.store.exists(job.folder)


def test_gc_under_a_run_is_refused(made: Tiny) -> None:
    with made.store.lock("experiments/tiny.lock", timeout=1):
        ended = codecgrid("gc", made.config, "--root", made.store.root, "--yes")
    assert (ended.status, "is being run" in ended.err) == (2, True)


def test_sizes_in_a_bucket_are_those_of_its_objects(s3: S3Server) -> None:
    store = s3.store()
    store.write_bytes("audio/a/b/one", b"12345")
    store.write_bytes("audio/a/two", b"123")
    store.write_bytes("cells/three", b"1")
    assert store.sizes("audio") == {"audio/a/b/one": 5, "audio/a/two": 3}
