"""What a plan says of gangs: which cells train together, and how many encoder passes an epoch that saves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grid.experiment import Grid
from grid.gang import RenditionCounts, expected_passes, gangs
from grid.job import CellJob
from grid.rendition import RAW, Rendition


@dataclass(frozen=True)
class PlannedGang:
    """Cells that share an encoder, and the waveforms of an epoch (train and dev) that go through it.

    `passes` of the gang and `separate` of its cells one by one are expectations over the draws.
    """

    cells: tuple[str, ...]
    passes: float
    separate: float


def planned_gangs(grid: Grid, jobs: Sequence[CellJob]) -> list[PlannedGang]:
    """The gangs of more than one cell that a run over `jobs` would make."""
    together = [gang for gang in gangs(jobs, grid.experiment.resources.cells_per_gang) if len(gang) > 1]
    train = {rendition.folder: _counts(rendition, "train") for rendition in grid.renditions}
    dev = {rendition.folder: _counts(rendition, "dev").all for rendition in grid.renditions}
    return [
        PlannedGang(
            cells=tuple(job.cell_id for job in gang),
            passes=expected_passes(gang, train, dev),
            separate=sum(expected_passes([job], train, dev) for job in gang),
        )
        for gang in together
    ]


def _counts(rendition: Rendition, split: str) -> RenditionCounts:
    """The utterances of one split by class, from what the corpus holds: nothing need be rendered yet.

    What is made from a corpus has one utterance for each bona fide recording; one that fails is not foreseen.
    """
    there = [held for held in rendition.corpus.holdings if held.split == split]
    if rendition.chain == RAW:
        bonafide = sum(held.utterances for held in there if held.role == "raw")
        return RenditionCounts(bonafide, sum(held.utterances for held in there if held.role in ("attack", "cosg")))
    if split in rendition.cors_parts.own:
        own = [held for held in there if held.role == "cors" and held.codec == rendition.chain.codec]
        return RenditionCounts(sum(held.utterances for held in own), 0)
    return RenditionCounts(sum(held.utterances for held in there if held.is_recorded), 0)
