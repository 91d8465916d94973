"""Waveforms of rendition rows as a detector is given them, read once for all the cells that hear them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from grid.core.store import Store
from grid.core.vocabulary import Split
from grid.inputs.preparation import Preparation
from grid.resynthesis.rendition_audio import RenditionAudio


class UtteranceRow(NamedTuple):
    """Where an utterance lies: the folder of its rendition, and its row there."""

    folder: str
    row: int


class PreparedAudio:
    """The utterances of one split of any renditions, prepared for detectors that agree on how, under one seed."""

    def __init__(self, store: Store, preparation: Preparation, split: Split, seed: int, *, readers: int = 1) -> None:
        """`readers` threads read and augment at once; their number changes no sample."""
        self._store, self._preparation, self.split, self._seed = store, preparation, split, seed
        self._sources: dict[str, RenditionAudio] = {}
        self._readers = readers

    def source(self, folder: str) -> RenditionAudio:
        """The split of a rendition; opened once."""
        if folder not in self._sources:
            self._sources[folder] = RenditionAudio(self._store, folder, self.split)
        return self._sources[folder]

    def waveform(self, place: UtteranceRow, epoch: int) -> NDArray[np.float32]:
        """One utterance `(samples,)`, prepared."""
        source = self.source(place.folder)
        return self._preparation(
            source.waveform(place.row),
            self.split,
            seed=self._seed,
            epoch=epoch,
            utterance_id=source.ids[place.row],
        )

    def batches(self, batches: Iterable[Sequence[UtteranceRow]], epoch: int) -> Iterator[torch.Tensor]:
        """The waveforms `(items, samples)` of each batch; the next one is read while the last one is used."""
        with ThreadPoolExecutor(max_workers=self._readers) as pool:
            waiting: list[Future[NDArray[np.float32]]] | None = None
            for batch in batches:
                for place in batch:  # opening a source is not for several threads at once
                    self.source(place.folder)
                following = [pool.submit(self.waveform, place, epoch) for place in batch]
                if waiting is not None:
                    yield _stacked(waiting)
                waiting = following
            if waiting is not None:
                yield _stacked(waiting)


def _stacked(waiting: list[Future[NDArray[np.float32]]]) -> torch.Tensor:
    return torch.from_numpy(np.stack([each.result() for each in waiting]))
