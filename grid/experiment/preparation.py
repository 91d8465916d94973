"""Brings what a run needs to where its workers find it: weights, into the store if need be, and environments."""

from __future__ import annotations

from collections.abc import Iterator

from grid.codecs.isolation.building import build_environment
from grid.codecs.isolation.declaration import declaration
from grid.core.errors import RequestError
from grid.core.weights import WeightFinder
from grid.experiment.preflight import Fault, weights_fault
from grid.experiment.work import Work


def find_weights(work: Work) -> Iterator[Fault]:
    """Fetches what is neither in the store nor on this machine; the faults of what cannot be had."""
    return _weights(work, share=False)


def share_weights(work: Work) -> Iterator[Fault]:
    """Puts every file into the store, where workers of other machines take it; the faults of what cannot be had."""
    return _weights(work, share=True)


def _weights(work: Work, *, share: bool) -> Iterator[Fault]:
    finder = WeightFinder()
    for item in work.weights:
        try:
            if share:
                item.put(work.store, finder)
            elif item.stored(work.store) is None:
                item.find(finder)
        except RequestError as error:
            yield weights_fault(item, str(error), work.store)
    for detector in sorted({job.detector for job in work.cells}):
        if (initial := work.grid.recipes[detector].initial_weights) is not None:
            initial.warn_if_unpinned()


def build_environments(work: Work) -> Iterator[Fault]:
    """Builds the isolated environments of the codecs to apply; the faults of those that cannot be built."""
    entries = map(work.grid.catalogue.get, work.codecs)
    for name in dict.fromkeys(entry.isolated for entry in entries if entry.isolated):
        try:
            build_environment(declaration(name))
        except RequestError as error:
            yield Fault("software", str(error), f"codecgrid codecs build {name}")
