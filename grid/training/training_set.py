"""The items that an epoch trains on: CoRS mixed into the recordings, a pure function of (seed, epoch, utterance)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from grid.cells.job import Mixing
from grid.core.errors import RequestError
from grid.core.randomness import generator
from grid.core.vocabulary import BONAFIDE


@dataclass(frozen=True)
class Source:
    """The rows of one rendition and split, with at least the columns `utterance_id`, `origin` and `key`."""

    table: pa.Table

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def origins(self) -> list[str]:
        return self.table["origin"].to_pylist()

    @cached_property
    def row_of_origin(self) -> dict[str, int]:
        return {origin: row for row, origin in enumerate(self.origins)}

    @cached_property
    def is_bonafide(self) -> NDArray[np.bool_]:
        return pc.equal(self.table["key"], BONAFIDE).to_numpy(zero_copy_only=False)


@dataclass(frozen=True)
class Cors:
    """CoRS of one codec and corpus with its training target: 1 bona fide, 0 spoof, between them soft.

    `corpus` is the position, among the recordings, of the corpus it was made from. `rows` are the rows of the source
    that training uses where a balanced selection uses only part of them; None for all.
    """

    source: Source
    target: float
    corpus: int = 0
    rows: NDArray[np.int64] | None = None

    @property
    def used_rows(self) -> NDArray[np.int64]:
        return np.arange(len(self.source)) if self.rows is None else self.rows


@dataclass(frozen=True)
class Items:
    """The items of an epoch, all `(items,)`: `source` and `row` locate the audio, `target` is P(bona fide).

    `source` numbers the recordings first, then the attacks, then the CoRS, in the order of `TrainingSet.sources`.
    """

    source: NDArray[np.int32]
    row: NDArray[np.int64]
    target: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True)
class ClassPrior:
    """The expected number of bona fide and spoof items in an epoch; a soft target counts for both in its proportion."""

    bonafide: float
    spoof: float

    def weights(self) -> tuple[float, float]:
        """Class weights (spoof, bona fide), inverse to the prior; a balanced set has (1, 1)."""
        total = self.bonafide + self.spoof
        return total / (2 * self.spoof), total / (2 * self.bonafide)


class TrainingSet:
    """The recordings, attacks and CoRS of one cell."""

    def __init__(
        self, recordings: list[Source], attacks: list[Source], cors: list[Cors], mixing: Mixing, seed: int
    ) -> None:
        """Raises RequestError when an epoch would hold one class only."""
        self.recordings, self.attacks, self.cors = recordings, attacks, cors
        self.mixing, self.seed = mixing, seed
        prior = self.prior()
        for name, count in (("bona fide", prior.bonafide), ("spoof", prior.spoof)):
            if count <= 0:
                raise RequestError(
                    f"there is no {name} item to train on: {prior.bonafide:g} bona fide and {prior.spoof:g} spoof. "
                    "Give the experiment attacks, a corpus that has both classes, or another policy."
                )

    @property
    def sources(self) -> list[Source]:
        return [*self.recordings, *self.attacks, *(c.source for c in self.cors)]

    def items(self, epoch: int) -> Items:
        """The items of `epoch` in a fixed order; `CellDataset.shuffled_batches` shuffles them."""
        parts = self._recorded(epoch)
        if self.mixing.how == "append":
            parts += self._appended(epoch)
        source, row, target = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Items(source.astype(np.int32), row.astype(np.int64), target.astype(np.float32))

    def corpus_prior(self) -> ClassPrior:
        """The class prior of the recordings and attacks, before any CoRS."""
        return ClassPrior(
            bonafide=float(sum(s.is_bonafide.sum() for s in self.recordings)),
            spoof=float(sum((~s.is_bonafide).sum() for s in self.recordings) + sum(map(len, self.attacks))),
        )

    def prior(self) -> ClassPrior:
        """The class prior of an epoch, exact in expectation over the draws."""
        corpus = self.corpus_prior()
        if not self.cors:
            return corpus
        bonafide, spoof = corpus.bonafide, corpus.spoof
        added = [(self._share(c) * self._usable(c), c.target) for c in self.cors]
        if self.mixing.how == "replace":
            bonafide -= sum(count for count, _ in added)
        return ClassPrior(
            bonafide + sum(count * target for count, target in added),
            spoof + sum(count * (1 - target) for count, target in added),
        )

    def expected_classes(self, class_of_row: Sequence[NDArray[np.int64]], classes: int) -> NDArray[np.float64]:
        """The number of items `(classes,)` of each class in an epoch, exact in expectation over the draws.

        `class_of_row` has the class `(rows,)` of each row of each of `sources`.
        """
        sources = zip(class_of_row, self.sources, strict=True)
        counts = [np.bincount(rows, minlength=classes).astype(np.float64) for rows, _ in sources]
        first = len(self.recordings) + len(self.attacks)
        total = sum(counts[:first], np.zeros(classes))
        for cors, of_cors in zip(self.cors, counts[first:], strict=True):
            added = self._share(cors) * self._usable(cors)
            total += added * of_cors / max(1, of_cors.sum())
            if self.mixing.how == "replace":
                replaced = class_of_row[cors.corpus][self.recordings[cors.corpus].is_bonafide]
                total -= added * np.bincount(replaced, minlength=classes) / len(replaced)
        return total

    def _share(self, cors: Cors) -> float:
        """The expected share of this CoRS that an epoch holds."""
        if self.mixing.how == "append" and self.mixing.draw == "each":
            return 1.0
        per_codec = 1 / len(self._cors_of_corpus[cors.corpus])
        return per_codec * self.mixing.probability if self.mixing.how == "replace" else per_codec

    def _usable(self, cors: Cors) -> int:
        """How many items of this CoRS an epoch could hold."""
        if self.mixing.how == "append":
            return len(cors.used_rows)
        recordings = self.recordings[cors.corpus]
        rows = np.flatnonzero(recordings.is_bonafide)
        return sum(recordings.origins[row] in cors.source.row_of_origin for row in rows)

    @cached_property
    def _cors_of_corpus(self) -> list[list[int]]:
        """The positions in `cors` of each corpus: one for each codec."""
        return [[i for i, c in enumerate(self.cors) if c.corpus == n] for n in range(len(self.recordings))]

    def _recorded(self, epoch: int) -> list[tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float32]]]:
        parts = []
        for number, source in enumerate([*self.recordings, *self.attacks]):
            rows = np.arange(len(source))
            is_recording = number < len(self.recordings)
            target = source.is_bonafide.astype(np.float32) if is_recording else np.zeros(len(rows), np.float32)
            numbers = np.full(len(rows), number, np.int32)
            if is_recording and self.mixing.how == "replace" and self._cors_of_corpus[number]:
                self._replace(source, self._cors_of_corpus[number], epoch, numbers, rows, target)
            parts.append((numbers, rows, target))
        return parts

    def _replace(
        self,
        source: Source,
        choices: list[int],
        epoch: int,
        numbers: NDArray[np.int32],
        rows: NDArray[np.int64],
        target: NDArray[np.float32],
    ) -> None:
        """Replaces bona fide items by CoRS, in place: `numbers` (source), `rows` and `target`, each `(items,)`."""
        first = len(self.recordings) + len(self.attacks)
        for row in np.flatnonzero(source.is_bonafide):
            origin = source.origins[row]
            draw = generator("replace", self.seed, epoch, origin)
            if draw.random() >= self.mixing.probability:
                continue
            codec = choices[int(draw.integers(len(choices)))]
            coded_row = self.cors[codec].source.row_of_origin.get(origin)
            if coded_row is not None:  # a codec may have failed on this utterance: the recording stays
                numbers[row], rows[row], target[row] = first + codec, coded_row, self.cors[codec].target

    def _appended(self, epoch: int) -> list[tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float32]]]:
        first = len(self.recordings) + len(self.attacks)
        parts = []

        @cache
        def drawn(corpus: int, origin: str) -> int:  # the same for each codec's CoRS of an utterance
            choices = self._cors_of_corpus[corpus]
            return choices[int(generator("append", self.seed, epoch, origin).integers(len(choices)))]

        for codec, cors in enumerate(self.cors):
            rows = cors.used_rows
            if self.mixing.draw == "one":
                rows = rows[np.array([drawn(cors.corpus, origin) for origin in cors.source.origins], np.int64) == codec]
            parts.append(
                (
                    np.full(len(rows), first + codec, np.int32),
                    rows,
                    np.full(len(rows), cors.target, np.float32),
                )
            )
        return parts
