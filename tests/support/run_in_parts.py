"""A small grid in `memory://`, made in this process in three parts; each can be tried from the state before it.

What the parts leave is compared by content: times and speeds differ between equal work.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grid.core.record import RECORD
from grid.core.store import Store
from grid.run_cell import run_cell
from tests.support.faulty_store import Faults, FaultyFileSystem, StoreFaultError, begin, faulty_memory
from tests.support.tiny_grid import Tiny, tiny

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


@contextmanager
def run_in_parts(folder: Path) -> Iterator[Undisturbed]:
    """Runs the grid without a fault; `memory://` is the faulty file system while the block runs."""
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
    """The names of the records among the files."""
    return {name for name in files if name.endswith(f"/{RECORD}")}
