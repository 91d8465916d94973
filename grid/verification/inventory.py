"""What a store holds and what it is for: experiments, cells and renditions, their sizes, and who names them still.

A cell or a rendition is current while an experiment names it, and stale when none does any more: after a change of a
recipe, say, its cells have other ids. Imports, small codecs, comparisons of artefacts, weights and reports are not
listed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grid.cells.job import CELLS, CellJob, read_job
from grid.cells.status import is_running, progress
from grid.core.listed_store import list_once
from grid.core.record import RECORD, is_finished
from grid.core.store import Store
from grid.corpus.imported import stored_corpus
from grid.experiment.frozen import frozen_cells, frozen_experiments
from grid.experiment.grid import Grid
from grid.resynthesis.rendition import RAW, Rendition

AUDIO = "audio"


@dataclass(frozen=True)
class Named:
    """The ids of cells and the folders of renditions that some experiments name."""

    cells: frozenset[str]
    renditions: frozenset[str]


@dataclass(frozen=True)
class StoredExperiment:
    """An experiment as it last ran: its cells by status (`done`, `failed`, `running`, `missing`), and their bytes."""

    name: str
    cells: int
    by_status: dict[str, int]
    size: int


@dataclass(frozen=True)
class StoredItem:
    """A cell or a rendition: its folder, what it is in words, the experiment that made it ("" for renditions)."""

    folder: str
    about: str
    experiment: str
    size: int
    is_current: bool
    is_finished: bool


@dataclass(frozen=True)
class Inventory:
    """Everything in a store that experiments made."""

    experiments: tuple[StoredExperiment, ...]
    cells: tuple[StoredItem, ...]
    renditions: tuple[StoredItem, ...]


def inventory(store: Store, named: Named | None = None) -> Inventory:
    """What the store holds; current is what `named` has, by default what the experiments named when they last ran."""
    listed = list_once(store, CELLS, lambda path: path.endswith("/cell.json"))
    jobs = {name: read_job(listed, name) for name in store.names(CELLS) if listed.exists(f"{CELLS}/{name}/cell.json")}
    named = named or named_by_last_runs(store, jobs)
    sizes = _folder_sizes(store, CELLS, 2) | _folder_sizes(store, AUDIO, 3)
    cells = [
        StoredItem(
            folder=job.folder,
            about=f"{job.detector} {job.selection} {job.policy} seed {job.seed}",
            experiment=job.experiment,
            size=sizes.get(job.folder, 0),
            is_current=job.cell_id in named.cells,
            is_finished=is_finished(listed, job.folder),
        )
        for job in jobs.values()
    ]
    folders = [
        f"{AUDIO}/{corpus}/{chain}" for corpus in store.names(AUDIO) for chain in store.names(f"{AUDIO}/{corpus}")
    ]
    renditions = [
        StoredItem(
            folder=folder,
            about=folder.removeprefix(f"{AUDIO}/").rpartition("-")[0],
            experiment="",
            size=sizes.get(folder, 0),
            is_current=folder in named.renditions,
            is_finished=is_finished(store, folder),
        )
        for folder in folders
    ]
    experiments = [_experiment(store, name, jobs, sizes) for name in frozen_experiments(store)]
    return Inventory(tuple(experiments), tuple(cells), tuple(renditions))


def named_by_last_runs(store: Store, jobs: dict[str, CellJob]) -> Named:
    """What the experiments of the store named when they last ran; `jobs` are those of its cells."""
    cells = {cell for name in frozen_experiments(store) for cell in frozen_cells(store, name)}
    renditions = {folder for cell in cells if cell in jobs for folder in renditions_of(jobs[cell])}
    return Named(frozenset(cells), frozenset(renditions | _recordings(store)))


def named_by_grids(store: Store, grids: Iterable[Grid]) -> Named:
    """What the experiments name as their files are now."""
    from grid.analysis.artefacts import compared_renditions  # torch, which `codecgrid ls` can do without

    cells: set[str] = set()
    renditions = _recordings(store)
    for grid in grids:
        cells |= {job.cell_id for job in grid.cells}
        needed = list(grid.renditions)
        if grid.experiment.artefacts is not None:
            needed += [each for of in compared_renditions(grid) for each in (of.recordings, *of.resynthesised)]
        renditions |= {
            each.folder for rendition in needed for each in (rendition, rendition.parent) if each is not None
        }
    return Named(frozenset(cells), frozenset(renditions))


def renditions_of(job: CellJob) -> set[str]:
    """The folders of the renditions that a cell trains on, augments with or scores."""
    cors = {each.folder for split in ("train", "dev") for each in job.cors_of(split)}
    banks = {folder for folder in (job.impulse_responses, job.noises) if folder}
    return {*job.recordings, *job.attacks, *job.tested} | cors | banks


def unused(found: Inventory, store: Store) -> list[StoredItem]:
    """The stale cells and renditions, those left out that a process is working on."""
    stale = [item for item in (*found.cells, *found.renditions) if not item.is_current]
    return [item for item in stale if not (item in found.cells and is_running(store, read_job(store, _id(item))))]


def delete(store: Store, items: Sequence[StoredItem]) -> None:
    """Deletes them, the record of each first; and the frozen file of every experiment that has no cell any more."""
    for item in items:
        store.remove(f"{item.folder}/{RECORD}")
        store.remove(item.folder)
    for name in frozen_experiments(store):
        if not any(store.exists(f"{CELLS}/{cell}") for cell in frozen_cells(store, name)):
            store.remove(f"experiments/{name}.json")


def _id(item: StoredItem) -> str:
    return item.folder.rpartition("/")[2]


def _experiment(store: Store, name: str, jobs: dict[str, CellJob], sizes: dict[str, int]) -> StoredExperiment:
    cells = frozen_cells(store, name)
    present = [jobs[cell] for cell in cells if cell in jobs]
    by_status: Counter[str] = Counter(state.status for state in progress(store, present))
    by_status["missing"] += len(cells) - len(present)
    return StoredExperiment(name, len(cells), dict(by_status), sum(sizes.get(job.folder, 0) for job in present))


def _recordings(store: Store) -> set[str]:
    """The folders of the recordings of every import that is in use: a packed corpus has its only audio there."""
    names = [name.removesuffix(".json") for name in store.names("corpora") if name.endswith(".json")]
    corpora = [corpus for name in names if (corpus := stored_corpus(store, name)) is not None]
    return {Rendition(corpus.facts, RAW, attack=None, codec=None, seed=0).folder for corpus in corpora}


def _folder_sizes(store: Store, top: str, depth: int) -> dict[str, int]:
    """The bytes below each folder that is `depth` names deep."""
    sizes: Counter[str] = Counter()
    for path, size in store.sizes(top).items():
        sizes["/".join(path.split("/")[:depth])] += size
    return dict(sizes)
