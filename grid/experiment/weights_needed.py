"""The weight files that a run needs: of codecs that are applied, of detectors' encoders, and of recipes that start."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from grid.codecs.catalogue import Catalogue, separate_weights
from grid.config.recipe import Recipe
from grid.core.errors import MissingRequirementError
from grid.core.store import Store
from grid.core.stored_weights import StoredWeights, put_weights, stored_weights
from grid.core.weight_file import WeightFile
from grid.core.weights import BUNDLED, WeightFinder
from grid.detectors.spec import DetectorSpec


@dataclass(frozen=True)
class NeededWeights:
    """One file that a run reads.

    `choices` are the files that it can be, the preferred one first; `used_by` are the codecs and detectors that read
    it; `licence` is what is recorded of it, "" for nothing.
    """

    choices: tuple[WeightFile, ...]
    used_by: tuple[str, ...]
    licence: str = ""

    @property
    def file(self) -> WeightFile:
        """The preferred file."""
        return self.choices[0]

    def locate(self, finder: WeightFinder) -> tuple[WeightFile, Path] | None:
        """The first choice that is there, with its place; None where none is, and nothing is fetched."""
        places = ((choice, finder.locate(choice)) for choice in self.choices)
        return next(((choice, path) for choice, path in places if path is not None), None)

    def stored(self, store: Store) -> StoredWeights | None:
        """The description of the first choice that the store holds, or None."""
        return next((found for choice in self.choices if (found := stored_weights(store, choice)) is not None), None)

    def is_there(self, store: Store, finder: WeightFinder) -> bool:
        """Whether the store or this machine has it; nothing is copied or fetched."""
        return self.stored(store) is not None or self.locate(finder) is not None

    def is_fetchable(self, finder: WeightFinder) -> bool:
        """Whether it could be fetched where it is not there: it has a source, and fetching is not switched off."""
        return not finder.offline and self.choices[-1].source is not None

    def put(self, store: Store, finder: WeightFinder) -> None:
        """Puts it into the store, unless it is there or part of the package; the errors of `find`."""
        if self.stored(store) is None:
            choice, path = self.find(finder)
            if not path.is_relative_to(BUNDLED):
                put_weights(store, choice, path)

    def find(self, finder: WeightFinder) -> tuple[WeightFile, Path]:
        """The file with its place, fetched if necessary, its digest checked; the errors of `WeightFinder.find`."""
        located = self.locate(finder)
        if located is not None:
            return located[0], finder.find(located[0])
        for choice in self.choices[:-1]:
            try:
                return choice, finder.find(choice)
            except MissingRequirementError:
                continue  # the repository has it in another format
        return self.choices[-1], finder.find(self.choices[-1])


def weights_needed(
    catalogue: Catalogue, codecs: Iterable[str], detectors: Mapping[str, DetectorSpec], recipes: Mapping[str, Recipe]
) -> tuple[NeededWeights, ...]:
    """The files that these codecs, detectors and their recipes read, each once; loads none and imports no torch."""
    needed: dict[tuple[str, str | None, str | None], NeededWeights] = {}
    for item in [*_of_codecs(catalogue, codecs), *_of_detectors(detectors, recipes)]:
        key = (item.file.path, item.file.source, item.file.revision)
        known = needed.get(key)
        users = (*known.used_by, *item.used_by) if known else item.used_by
        needed[key] = replace(item, used_by=tuple(dict.fromkeys(users)))
    return tuple(needed.values())


def _of_codecs(catalogue: Catalogue, codecs: Iterable[str]) -> Iterator[NeededWeights]:
    for name in codecs:
        entry = catalogue.get(name)
        for weight in separate_weights(entry):
            yield NeededWeights((weight,), (name,), weight.licence or entry.licence)


def _of_detectors(detectors: Mapping[str, DetectorSpec], recipes: Mapping[str, Recipe]) -> Iterator[NeededWeights]:
    for name, spec in detectors.items():
        for choices in spec.resolved_frontend().weights():
            yield NeededWeights(tuple(choices), (name,), choices[0].licence or "")
        initial = recipes[name].initial_weights
        if initial is not None:
            yield NeededWeights((initial.file,), (name,), initial.licence or "")
