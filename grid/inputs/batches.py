"""Batches of waveforms as detectors take them: utterances of renditions, read and prepared in background threads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from grid.core.store import Store
from grid.core.vocabulary import Split
from grid.inputs.preparation import Preparation
from grid.resynthesis.read_ahead import read_ahead
from grid.resynthesis.rendition_audio import RenditionAudio

BATCHES_READ_AHEAD = 1


class RenditionRow(NamedTuple):
    """Where the audio of an utterance is stored: the folder of its rendition, and its row in the split."""

    folder: str
    row: int


class UtteranceLoader:
    """Reads utterances of one split of any renditions and prepares them (level, crop, augmentation) under one seed.

    All detectors that agree on the preparation can share the result.
    """

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

    def waveform(self, row: RenditionRow, epoch: int) -> NDArray[np.float32]:
        """One utterance `(samples,)`, prepared; float32 at 16 kHz."""
        source = self.source(row.folder)
        return self._preparation(
            source.waveform(row.row),
            self.split,
            seed=self._seed,
            epoch=epoch,
            utterance_id=source.ids[row.row],
        )

    def unchanged(self) -> list[str]:
        """A sentence for each kind of augmentation that could not change some utterances, since the last call."""
        augmenter = self._preparation.augmenter
        ids: dict[str, list[str]] = {}
        for kind, utterance_id in augmenter.take_unchanged() if augmenter is not None else ():
            ids.setdefault(kind, []).append(utterance_id)
        return [
            f"augmentation {kind!r} left {len(of_kind)} waveforms as they were, such as {of_kind[0]}: it, or what was "
            "drawn for it, is silent"
            for kind, of_kind in ids.items()
        ]

    def batches(self, batches: Iterable[Sequence[RenditionRow]], epoch: int) -> Iterator[torch.Tensor]:
        """The waveforms `(items, samples)` of each batch; the next batch is read while the caller uses the last one."""
        with closing(read_ahead(self._stacked(batches, epoch), BATCHES_READ_AHEAD)) as stacked:
            yield from stacked

    def _stacked(self, batches: Iterable[Sequence[RenditionRow]], epoch: int) -> Iterator[torch.Tensor]:
        with ThreadPoolExecutor(max_workers=self._readers) as pool:
            for batch in batches:
                for row in batch:  # sources are opened here: two threads of the pool could open one twice
                    self.source(row.folder)
                yield torch.from_numpy(np.stack(list(pool.map(partial(self.waveform, epoch=epoch), batch))))
