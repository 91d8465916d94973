"""What is left to do of a grid, and what that takes: codecs, detectors, weights, recordings and disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from grid.cells.job import CellJob
from grid.core.record import is_finished
from grid.core.store import Store
from grid.core.vocabulary import SAMPLE_RATE
from grid.corpus.holdings import are_attacks, are_cors, are_recorded
from grid.corpus.imported import StoredCorpus, stored_corpus
from grid.corpus.importing import MANIFEST_FILE
from grid.experiment.grid import Grid
from grid.experiment.weights_needed import NeededWeights, weights_needed
from grid.resynthesis.plan import reads_recordings
from grid.resynthesis.rendition import Rendition

BYTES_PER_SAMPLE = 2
"""Of the shards, which are PCM16."""


@dataclass(frozen=True)
class Work:
    """The `renditions` of a grid that are not finished, and the `cells` that are not done."""

    grid: Grid
    store: Store
    renditions: tuple[Rendition, ...]
    cells: tuple[CellJob, ...]

    @classmethod
    def left(cls, grid: Grid, store: Store, cells: Sequence[CellJob]) -> Work:
        """The work of training `cells`; the renditions of the whole grid are looked for in the store, not read."""
        unfinished = [rendition for rendition in grid.renditions if not is_finished(store, rendition.folder)]
        return cls(grid, store, tuple(unfinished), tuple(cells))

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return not (self.cells or self.renditions)

    @cached_property
    def codecs(self) -> tuple[str, ...]:
        """The codecs that are applied to recordings, sorted."""
        last = [r for r in self.renditions if r.chain.codec and not r.chain.control]
        return tuple(sorted({r.chain.codec for r in last if r.applied}))

    @cached_property
    def weights(self) -> tuple[NeededWeights, ...]:
        """The weight files that the codecs and the detectors of the cells read."""
        names = {job.detector for job in self.cells}
        detectors = {name: spec for name, spec in self.grid.detectors.items() if name in names}
        return weights_needed(self.grid.catalogue, self.codecs, detectors, self.grid.recipes)

    @cached_property
    def corpora_read(self) -> tuple[StoredCorpus, ...]:
        """The imported corpora whose recordings are read, from where they lie or from their packed copies."""
        names = dict.fromkeys(r.corpus.name for r in self.renditions if reads_recordings(r))
        found = (stored_corpus(self.store, name) for name in names)
        return tuple(corpus for corpus in found if corpus is not None)

    @cached_property
    def hours(self) -> float:
        """Hours of audio that the unfinished renditions of imported corpora will hold, of the others none."""
        return sum(self._samples(rendition) for rendition in self.renditions) / SAMPLE_RATE / 3600

    @property
    def bytes(self) -> int:
        """Disk space that these renditions take."""
        return round(self.hours * 3600 * SAMPLE_RATE * BYTES_PER_SAMPLE)

    def _samples(self, rendition: Rendition) -> int:
        rows = self._rows_of.get(rendition.corpus.name)
        if rows is None:
            return 0
        return int(pc.sum(rows["samples"].filter(_utterances_of(rendition, rows))).as_py() or 0)

    @cached_property
    def _rows_of(self) -> dict[str, pa.Table]:
        columns = ["split", "key", "attack", "codec", "samples"]
        stored = {r.corpus.name: stored_corpus(self.store, r.corpus.name) for r in self.renditions}
        return {
            name: pq.read_table(self.store.local(f"{corpus.folder}/{MANIFEST_FILE}"), columns=columns)
            for name, corpus in stored.items()
            if corpus is not None
        }


def _utterances_of(rendition: Rendition, rows: pa.Table) -> pa.ChunkedArray:
    """A mask of the rows of a corpus that a rendition has, or is made from."""
    if rendition.chain.control and rendition.parent is not None:
        return pc.and_(_utterances_of(rendition.parent, rows), pc.equal(rows["split"], "test"))
    if rendition.parent is None:
        return pc.invert(are_cors(rows))
    if rendition.chain.of_own_attacks:
        return are_attacks(rows)
    if rendition.chain.attack:
        return are_recorded(rows)
    parts, codec = rendition.cors_parts, rendition.chain.codec
    made = pc.and_(are_recorded(rows), pc.is_in(rows["split"], pa.array(parts.made, pa.string())))
    in_own = pc.is_in(rows["split"], pa.array(parts.own, pa.string()))
    return pc.or_(made, pc.and_(pc.and_(are_cors(rows), pc.equal(rows["codec"], codec)), in_own))
