"""The training speech of a small codec: recordings of one split, and crops that depend on (seed, step) alone."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from grid.codecs.controlled.blocks import HOP
from grid.core.errors import RequestError
from grid.core.randomness import generator
from grid.core.vocabulary import BONAFIDE, SAMPLE_RATE
from grid.corpus.audio import read_audio
from grid.corpus.importing import ImportedCorpus
from grid.corpus.manifest import manifest_digest
from grid.resynthesis.shards import PCM_SCALE, to_pcm16

Samples = NDArray[np.float32]

MEMORY = 2 * 2**30
"""Bytes of decoded speech kept in memory, as PCM16: 18 hours. Other recordings are decoded again when drawn."""


@dataclass(frozen=True)
class Recording:
    """One recording: its file with its digest at import, and its speaker, "" where the corpus does not name one."""

    utterance_id: str
    speaker: str
    path: Path
    sha256: str


@dataclass(frozen=True)
class Crops:
    """A batch: samples `(batch, 160 * frames)`, and the number of each crop's speaker in `TrainingSpeech.speakers`."""

    samples: Samples
    speakers: NDArray[np.int64]


class TrainingSpeech:
    """The recordings (bona fide, no attack, no codec) of one split of an imported corpus."""

    def __init__(self, corpus: ImportedCorpus, split: str) -> None:
        """Raises RequestError when the split holds no recordings."""
        table = corpus.table
        bonafide = pc.and_(pc.equal(table["split"], split), pc.equal(table["key"], BONAFIDE))
        recorded = pc.and_(bonafide, pc.and_(pc.equal(table["attack"], ""), pc.equal(table["codec"], "")))
        rows = table.filter(recorded).to_pylist()
        if not rows:
            raise RequestError(f"{corpus.root}: the corpus has no recordings in its split {split!r}")
        self.digest = manifest_digest(table)
        self.split = split
        self.seconds = float(sum(row["samples"] for row in rows)) / SAMPLE_RATE
        self.sources = sorted({row["source"] for row in rows if row["source"]})
        self.recordings = [
            Recording(row["utterance_id"], row["speaker"], corpus.root / row["path"], row["sha256"]) for row in rows
        ]
        self.speakers = sorted({recording.speaker for recording in self.recordings})
        self._speaker_numbers = {name: number for number, name in enumerate(self.speakers)}
        self._kept: OrderedDict[int, NDArray[np.int16]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self.recordings)

    def waveform(self, number: int) -> Samples:
        """The whole recording, float32 `(samples,)` at 16 kHz; ChangedFileError when it is not as it was imported."""
        return np.asarray(self._pcm(number) * np.float32(1 / PCM_SCALE), dtype=np.float32)

    def crops(self, seed: int, step: int, *, batch: int, frames: int) -> Crops:
        """The batch of one training step, a pure function of (seed, step): recordings and starts are drawn uniformly.

        A recording shorter than the crop is padded with zeros at its end.
        """
        draws = generator("small codec crops", seed, step)
        chosen = draws.integers(len(self.recordings), size=batch)
        crops = [
            self._crop(int(number), frames * HOP, float(place))
            for number, place in zip(chosen, draws.random(batch), strict=True)
        ]
        speakers = [self._speaker_numbers[self.recordings[number].speaker] for number in chosen]
        return Crops(np.stack(crops), np.asarray(speakers, dtype=np.int64))

    def _crop(self, number: int, samples: int, place: float) -> Samples:
        pcm = self._pcm(number)
        start = int(place * max(1, len(pcm) - samples + 1))
        piece = pcm[start : start + samples] * np.float32(1 / PCM_SCALE)
        return np.pad(piece, (0, samples - len(piece))).astype(np.float32)

    def _pcm(self, number: int) -> NDArray[np.int16]:
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        recording = self.recordings[number]
        pcm, _ = to_pcm16(read_audio(recording.path, recording.sha256).samples)
        self._kept[number] = pcm
        self._bytes += pcm.nbytes
        while self._bytes > MEMORY and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return pcm
