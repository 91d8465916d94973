"""What a cell trains on and selects by: the sources of one split, and the items of each epoch."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from grid.cells.balance import Balance, assigned
from grid.cells.job import CellJob, Mixing
from grid.core.errors import RequestError
from grid.core.randomness import generator
from grid.inputs.batches import PreparedAudio, UtteranceRow
from grid.resynthesis.rendition import corpus_of
from grid.training.losses import ClassWeights
from grid.training.training_set import Cors, Items, Source, TrainingSet


class CellData:
    """The items of a cell for `train` or `dev`, over audio that other cells may share."""

    def __init__(self, job: CellJob, audio: PreparedAudio, split: str) -> None:
        """Raises RequestError, which names the split, when there is nothing to train on."""
        self.job = job
        self.folders = [*job.recordings, *job.attacks, *(cors.folder for cors in job.cors)]
        tables = [(audio.source(folder).table, job.hears(folder, split)) for folder in self.folders]
        sources = [Source(table if heard else table.slice(0, 0)) for table, heard in tables]
        first, second = len(job.recordings), len(job.recordings) + len(job.attacks)
        corpora = [corpus_of(folder) for folder in job.recordings]
        cors = [  # of each codec, one for each corpus that has CoRS
            Cors(source, given.target, corpus=corpora.index(corpus_of(given.folder)))
            for source, given in zip(sources[second:], job.cors, strict=True)
        ]
        if job.balance is not None:
            cors = _balanced(job.balance, sources[:first], cors, [given.codec for given in job.cors])
        # every dev item is there in every epoch, with the label that training gives it
        mixing = job.mixing if split == "train" else Mixing(how="append", draw="each")
        try:
            self.items = TrainingSet(sources[:first], sources[first:second], cors, mixing, job.seed)
        except RequestError as error:
            raise RequestError(f"split {split}: {error}") from error

    def places(self, items: Items, positions: Sequence[int] | NDArray[np.int64]) -> list[UtteranceRow]:
        """Where the items at `positions` lie."""
        return [UtteranceRow(self.folders[items.source[i]], int(items.row[i])) for i in positions]

    def shuffled(self, items: int, epoch: int) -> list[NDArray[np.int64]]:
        """The positions of each batch of an epoch of so many items."""
        order = generator("order", self.job.seed, epoch).permutation(items)
        size = self.job.recipe.batch_size
        batches = [order[i : i + size] for i in range(0, items, size)]
        # one item alone gives batch normalisation nothing to normalise by
        short = len(batches[-1]) < size and (self.job.recipe.drop_last or len(batches[-1]) == 1)
        if len(batches) > 1 and short:
            batches.pop()
        return batches

    def class_weights(self) -> ClassWeights:
        """How much an error on each class counts under the recipe."""
        chosen = self.job.recipe.class_weights
        if chosen == "none":
            return ClassWeights()
        if chosen == "corpus prior":
            prior = self.items.corpus_prior()
            if prior.bonafide == 0 or prior.spoof == 0:
                raise RequestError(
                    f"class_weights: 'corpus prior' needs both classes in the corpus, which has {prior.bonafide:g} "
                    f"bona fide and {prior.spoof:g} spoof; choose 'prior'"
                )
            return ClassWeights(bonafide=prior.spoof / prior.bonafide)
        spoof, bonafide = self.items.prior().weights() if chosen == "prior" else chosen
        return ClassWeights(bonafide=bonafide, spoof=spoof)


def _balanced(
    balance: Balance, recordings: Sequence[Source], cors: Sequence[Cors], codecs: Sequence[str]
) -> list[Cors]:
    """CoRS with the rows that the balance of their corpus gives their codec."""
    held = [
        assigned(balance, [source.origins[row] for row in np.flatnonzero(source.is_bonafide)]) for source in recordings
    ]
    return [
        replace(given, rows=_rows_of(given.source, held[given.corpus][codec]))
        for given, codec in zip(cors, codecs, strict=True)
    ]


def _rows_of(source: Source, origins: Collection[str]) -> NDArray[np.int64]:
    return np.array([row for row, origin in enumerate(source.origins) if origin in origins], dtype=np.int64)
