"""What a plan says of gangs: which cells train together, and how many encoder passes an epoch that saves."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from grid.corpora import stored_corpus
from grid.corpus.manifest import BONAFIDE
from grid.experiment import Grid
from grid.gang import RenditionCounts, expected_passes, gangs
from grid.job import CellJob
from grid.rendition import RAW
from grid.store import Store


@dataclass(frozen=True)
class PlannedGang:
    """Cells that share an encoder, and the waveforms of an epoch (train and dev) that go through it.

    `passes` of the gang and `separate` of its cells one by one are expectations over the draws; None while a corpus is
    not imported.
    """

    cells: tuple[str, ...]
    passes: float | None
    separate: float | None


def planned_gangs(store: Store, grid: Grid, jobs: Sequence[CellJob]) -> list[PlannedGang]:
    """The gangs of more than one cell that a run over `jobs` would make."""
    together = [gang for gang in gangs(jobs, grid.experiment.resources.cells_per_gang) if len(gang) > 1]
    if not together:
        return []
    counts = _counts(store, grid)
    return [_planned(gang, counts) for gang in together]


def _planned(gang: tuple[CellJob, ...], counts: dict[str, dict[str, RenditionCounts]] | None) -> PlannedGang:
    ids = tuple(job.cell_id for job in gang)
    if counts is None:
        return PlannedGang(ids, None, None)
    train = {folder: splits["train"] for folder, splits in counts.items()}
    dev = {folder: splits["dev"].bonafide + splits["dev"].spoof for folder, splits in counts.items()}
    separate = sum(expected_passes([job], train, dev) for job in gang)
    return PlannedGang(ids, expected_passes(gang, train, dev), separate)


def _counts(store: Store, grid: Grid) -> dict[str, dict[str, RenditionCounts]] | None:
    """The utterances of each rendition by split, from the manifests of the corpora: nothing need be rendered yet.

    What is made from a corpus has one utterance for each bona fide recording; one that fails is not foreseen.
    """
    recorded: dict[str, dict[str, RenditionCounts]] = {}
    for corpus in grid.corpora:
        stored = stored_corpus(store, corpus.name)
        if stored is None:
            return None
        content = store.read_bytes(f"{stored.folder}/manifest.parquet")
        table = pq.read_table(io.BytesIO(content), columns=["split", "key"])
        recorded[corpus.name] = {split: _of_split(table, split) for split in ("train", "dev")}
    found = {}
    for rendition in grid.renditions:
        counts = recorded.get(rendition.corpus.name)
        if counts is None:
            continue
        if rendition.chain != RAW:
            counts = {split: RenditionCounts(each.bonafide, 0) for split, each in counts.items()}
        found[rendition.folder] = counts
    return found


def _of_split(table: pa.Table, split: str) -> RenditionCounts:
    rows = table.filter(pc.equal(table["split"], split))
    bonafide = int(pc.sum(pc.equal(rows["key"], BONAFIDE)).as_py() or 0)
    return RenditionCounts(bonafide, rows.num_rows - bonafide)
