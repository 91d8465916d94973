"""A small grid on an object store that fails: whatever operation it is, the same command again gives the same bytes.

The grid is imported, rendered, trained, scored and measured in this process. Each part of the work is tried from the
state that an undisturbed run left before it, with a fault in one operation of the store, and then again without one.
After SQLite's tests of I/O errors (sqlite.org/testing.html, section 3.2), which fail the n-th operation for every n.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from grid.core.record import FAILURE, RECORD
from grid.core.store import Store
from grid.run_cell import run_cell
from tests.support.faulty_store import (
    Faults,
    FaultyFileSystem,
    StoreFaultError,
    begin,
    fail_at,
    fail_at_random,
    faulty_memory,
)
from tests.support.tiny_grid import Tiny, tiny

pytestmark = [pytest.mark.slow, pytest.mark.faults]

STRIDE = 9
"""Every write of what says that something is done (`DECISIVE`) is tried, and each of this many of all other operations:
all of the 250 would take minutes."""
DECISIVE = (".json", "manifest.parquet", "lock", "state.pt", "weights.safetensors")
WRITES = ("put_file", "pipe_file", "rm", "rm_file")
CACHED = 20
NOT_COMPARED = ("lock", ".conditional-write-probe")
CHANGING = ("provenance", "sha256", "seconds", "seconds_per_epoch")
"""What differs in records of equal work: when and how fast it was done."""


@dataclass(frozen=True)
class Undisturbed:
    """The grid, and before each part of the work the files of the store, and after the last; what was done in it."""

    config: Path
    files: list[dict[str, Any]]
    operations: list[list[str]]

    @property
    def made(self) -> Tiny:
        """The experiment as a new process opens it."""
        return Tiny(self.config, Store.open("memory://bucket/root"))


def import_corpus(made: Tiny) -> None:
    made.corpora()


def render_all(made: Tiny) -> None:
    made.rendered()


def run_the_cell(made: Tiny) -> None:
    (job,) = made.grid.cells
    if not run_cell(made.store, job, made.grid.experiment, gpu=False):
        raise StoreFaultError("the cell failed")


PARTS: tuple[Callable[[Tiny], None], ...] = (import_corpus, render_all, run_the_cell)


def run_all(made: Tiny) -> None:
    for part in PARTS:
        part(made)


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    torch.set_num_threads(1)
    logging.disable(logging.ERROR)  # a thousand faults, all of them meant
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Undisturbed]:
    folder = tmp_path_factory.mktemp("faults")
    disk = tiny(
        folder,
        corpus={"speakers": 1, "utterances": 1},
        grid={"selections": ["mu-law"], "policies": ["spoof"]},
        recipe={"epochs": 1},
    )
    with faulty_memory(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("CODECGRID_CACHE", str(folder / "cache"))
        story = Undisturbed(disk.config, [dict(FaultyFileSystem.store)], [])
        for part in PARTS:
            faults = begin(story.files[-1], Faults())
            part(story.made)
            story.files.append(dict(FaultyFileSystem.store))
            story.operations.append(faults.done)
        yield story


def content(files: dict[str, Any]) -> dict[str, Any]:
    """The files by name: their bytes, or the content of a JSON file without what changes from run to run."""
    found = {}
    for name, file in files.items():
        if name.rpartition("/")[2] in NOT_COMPARED:
            continue
        data = file.getvalue()
        found[name] = _lasting(json.loads(data)) if name.endswith(".json") else data
    return found


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        # the history of a cell has times in it, so its digest in the record changes too
        return {k: _lasting(v) for k, v in value.items() if k not in (*CHANGING, "history.json")}
    return [_lasting(item) for item in value] if isinstance(value, list) else value


def records(files: dict[str, Any]) -> set[str]:
    return {name for name in files if name.endswith(f"/{RECORD}")}


def chosen(operations: list[str]) -> list[tuple[int, str]]:
    """The numbers of the operations to fail: of decisive writes alternately before and after, of others before."""
    numbered = list(enumerate(operations, 1))
    decisive = [i for i, name in numbered if name.startswith(WRITES) and name.endswith(DECISIVE)]
    others = [i for i, _ in numbered if i not in decisive][::STRIDE]
    return [(i, ("before", "after")[k % 2]) for k, i in enumerate(decisive)] + [(i, "before") for i in others]


@pytest.mark.parametrize("part", range(len(PARTS)), ids=[part.__name__ for part in PARTS])
def test_any_operation_that_fails_costs_only_the_same_command_again(undisturbed: Undisturbed, part: int) -> None:
    before, expected = undisturbed.files[part], content(undisturbed.files[part + 1])
    for number, when in chosen(undisturbed.operations[part]):
        faults = begin(before, fail_at(number, when))
        with suppress(OSError):
            PARTS[part](undisturbed.made)
        # this machine's cache, filled by the runs before, saves the last few operations
        assert faults.failed or len(faults.done) < number <= len(faults.done) + CACHED
        assert records(FaultyFileSystem.store) >= records(before)
        FaultyFileSystem.faults = Faults()
        PARTS[part](undisturbed.made)
        assert content(FaultyFileSystem.store) == expected, faults.failed
        assert not [name for name in FaultyFileSystem.store if name.endswith((FAILURE, "running.json"))]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_share_of_operations_that_fail_costs_only_the_same_command_again(undisturbed: Undisturbed, seed: int) -> None:
    faults, attempts = begin({}, fail_at_random(0.01, seed)), 1
    while attempts < 100:
        try:
            run_all(undisturbed.made)
            break
        except OSError:
            attempts += 1
    assert len(faults.failed) > 1
    assert content(FaultyFileSystem.store) == content(undisturbed.files[-1]), faults.failed


def test_listings_that_lag_behind_the_writes_change_nothing(undisturbed: Undisturbed) -> None:
    begin({}, Faults())
    FaultyFileSystem.lag = 3
    run_all(undisturbed.made)
    run_all(undisturbed.made)
    assert content(FaultyFileSystem.store) == content(undisturbed.files[-1])
