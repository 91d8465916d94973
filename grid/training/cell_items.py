"""The data of one cell for one split: renditions, the items of each epoch, shuffled batches and class weights.

The split `train` is trained on; the EER of `dev` selects the epoch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grid.cells.balance import Balance, assign_codecs
from grid.cells.job import CellJob, Mixing
from grid.core.errors import RequestError
from grid.core.randomness import generator
from grid.core.vocabulary import BONAFIDE, SPOOF, Role
from grid.corpus.holdings import role_of
from grid.inputs.batches import RenditionRow, UtteranceLoader
from grid.resynthesis.rendition import corpus_of
from grid.training.losses import ClassWeights
from grid.training.training_set import Cors, Items, Source, TrainingSet


class CellDataset:
    """The items of a cell for `train` or `dev`; other cells may share the audio."""

    def __init__(self, job: CellJob, audio: UtteranceLoader, split: str) -> None:
        """Raises RequestError, which names the split, when there is nothing to train on."""
        self.job = job
        self._cors_inputs = job.cors_of(split)
        self.folders = [*job.recordings, *job.attacks, *(cors.folder for cors in self._cors_inputs)]
        tables = [(audio.source(folder).table, job.uses_split(folder, split)) for folder in self.folders]
        sources = [Source(table if used else table.slice(0, 0)) for table, used in tables]
        first, second = len(job.recordings), len(job.recordings) + len(job.attacks)
        corpora = [corpus_of(folder) for folder in job.recordings]
        cors = [  # of each codec, one for each corpus that has CoRS
            Cors(source, cors_input.target, corpus=corpora.index(corpus_of(cors_input.folder)))
            for source, cors_input in zip(sources[second:], self._cors_inputs, strict=True)
        ]
        if (balance := job.balance_of(split)) is not None:
            cors = _balanced(balance, sources[:first], cors, [cors_input.codec for cors_input in self._cors_inputs])
        # dev holds every item in every epoch
        mixing = job.mixing if split == "train" else Mixing(how="append", draw="each")
        try:
            self.training_set = TrainingSet(sources[:first], sources[first:second], cors, mixing, job.seed)
        except RequestError as error:
            rule = f" (the recipe: dev_cors {job.recipe.dev_cors}, dev_labels {job.recipe.dev_labels})"
            raise RequestError(f"split {split}: {error}{rule if job.dev_cors is not None else ''}") from error

    @cached_property
    def class_of_row(self) -> list[NDArray[np.int64]]:
        """The class number `(rows,)` of each row of each of the folders, by its role; for a policy of several outputs.

        Raises RequestError for a role that no class has.
        """
        number = {role: i for i, each in enumerate(self.job.classes) for role in each.roles}
        return [_numbered(source, number, self.job.policy) for source in self.training_set.sources]

    def targets(self, items: Items) -> NDArray[np.float32] | NDArray[np.int64]:
        """What the loss compares the outputs of the items with, `(items,)`: P(bona fide), or class numbers."""
        if not self.job.classes:
            return items.target
        numbers = np.empty(len(items), np.int64)
        for source, class_of_row in enumerate(self.class_of_row):
            of_source = items.source == source
            numbers[of_source] = class_of_row[items.row[of_source]]
        return numbers

    def items_of_classes(self) -> dict[str, float]:
        """The expected items of an epoch by class; empty for detection."""
        if not self.job.classes:
            return {}
        counts = self.training_set.expected_classes(self.class_of_row, len(self.job.classes))
        return {each.name: float(count) for each, count in zip(self.job.classes, counts, strict=True)}

    def rows(self, items: Items, positions: Sequence[int] | NDArray[np.int64]) -> list[RenditionRow]:
        """The rendition rows of the items at `positions`."""
        return [RenditionRow(self.folders[items.source[i]], int(items.row[i])) for i in positions]

    def held(self) -> dict[str, Any]:
        """The items of the first epoch by class, and those of the CoRS by codec and class, as JSON.

        For dev, which holds the same in every epoch.
        """
        items = self.training_set.items(0)
        bonafide = counted_as_bonafide(items)
        counts: Counter[tuple[str, str]] = Counter()
        first = len(self.folders) - len(self._cors_inputs)
        for number, cors in enumerate(self._cors_inputs, start=first):
            for key, of_key in ((BONAFIDE, bonafide), (SPOOF, ~bonafide)):
                counts[cors.codec, key] += int((of_key & (items.source == number)).sum())
        return {
            "bonafide_items": int(bonafide.sum()),
            "spoof_items": int((~bonafide).sum()),
            "cors_items": [
                {"codec": codec, "label": key, "items": count} for (codec, key), count in counts.items() if count
            ],
        }

    def shuffled_batches(self, items: int, epoch: int) -> list[NDArray[np.int64]]:
        """The positions `(batch,)` of each batch of an epoch with `items` items."""
        order = generator("order", self.job.seed, epoch).permutation(items)
        size = self.job.recipe.batch_size
        batches = [order[i : i + size] for i in range(0, items, size)]
        # batch normalisation cannot normalise a batch of one item
        short = len(batches[-1]) < size and (self.job.recipe.drop_last or len(batches[-1]) == 1)
        if len(batches) > 1 and short:
            batches.pop()
        return batches

    def class_weights(self) -> ClassWeights:
        """The weight of each class in the loss, as the recipe sets it; RequestError where the corpus lacks a class."""
        chosen = self.job.recipe.class_weights
        if chosen == "none":
            return ClassWeights()
        if chosen == "corpus prior":
            prior = self.training_set.corpus_prior()
            if prior.bonafide == 0 or prior.spoof == 0:
                raise RequestError(
                    f"class_weights: 'corpus prior' needs both classes in the corpus, which has {prior.bonafide:g} "
                    f"bona fide and {prior.spoof:g} spoof; choose 'prior'"
                )
            return ClassWeights(bonafide=prior.spoof / prior.bonafide)
        spoof, bonafide = self.training_set.prior().weights() if chosen == "prior" else chosen
        return ClassWeights(bonafide=bonafide, spoof=spoof)


def weights_of_classes(data: CellDataset) -> tuple[float, ...]:
    """The weight in the loss of each class of a policy of several outputs, as the recipe sets it.

    `prior`: inverse to the expected items of the class, over the classes that there are; a class without items has no
    part in the loss. Otherwise each class has the weight of its key.
    """
    counts = list(data.items_of_classes().values())
    if data.job.recipe.class_weights == "prior":
        present = sum(count > 0 for count in counts)
        return tuple(sum(counts) / (present * count) if count > 0 else 0.0 for count in counts)
    of_key = asdict(data.class_weights())
    return tuple(of_key[each.key] for each in data.job.classes)


def counted_as_bonafide(items: Items) -> NDArray[np.bool_]:
    """Which items `(items,)` the dev EER counts as bona fide: a soft target counts for the nearer class."""
    return items.target >= 0.5


def _balanced(
    balance: Balance, recordings: Sequence[Source], cors: Sequence[Cors], codecs: Sequence[str]
) -> list[Cors]:
    """CoRS with the rows that the balance of their corpus assigns to their codec."""
    origins_of_codec = [
        assign_codecs(balance, [source.origins[row] for row in np.flatnonzero(source.is_bonafide)])
        for source in recordings
    ]
    return [
        replace(entry, rows=_rows_of(entry.source, origins_of_codec[entry.corpus][codec]))
        for entry, codec in zip(cors, codecs, strict=True)
    ]


def _rows_of(source: Source, origins: Collection[str]) -> NDArray[np.int64]:
    return np.array([row for row, origin in enumerate(source.origins) if origin in origins], dtype=np.int64)


def _numbered(source: Source, number: Mapping[Role, int], policy: str) -> NDArray[np.int64]:
    """The class numbers `(rows,)` of a source; `number` has that of each role."""
    columns = (source.table[name].to_pylist() for name in ("key", "attack", "codec"))
    roles = [role_of(*row) for row in zip(*columns, strict=True)]
    if unknown := set(roles) - set(number):
        raise RequestError(f"policy {policy!r} has no class for utterances of role {sorted(unknown)[0]!r}")
    return np.array([number[role] for role in roles], dtype=np.int64)
