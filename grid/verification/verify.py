"""Walks a store and checks all that an experiment made in it; deletes what is damaged, so that a run makes it again.

    audio/CORPUS/CHAIN   renditions     cells/ID          trainings, scores, measurements
    corpora/             imports        artefacts/ID      comparisons of codecs
    experiments/         frozen files   small_codecs/ID   codecs trained here
    weights/             of codecs and detectors

Reports and MLflow's database are not checked: `codecgrid report` and `codecgrid sync` make them from the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from filelock import Timeout

from grid.cells.job import STATE
from grid.core.errors import RequestError
from grid.core.record import RECORD
from grid.core.saved_state import DamagedStateError, state_bytes
from grid.core.store import Store
from grid.verification.cells import check_cell
from grid.verification.corpora import check_corpora
from grid.verification.damage import Damage, Reading
from grid.verification.renditions import check_rendition
from grid.verification.weights import check_weights

FOLDERS = ("corpora", "audio", "cells", "artefacts", "small_codecs", "experiments", "weights")


def damages(reading: Reading) -> Iterator[Damage]:
    """Every damaged file of the store, in the order of its path; RequestError when the root holds no results."""
    store = reading.store
    if not any(store.exists(folder) for folder in FOLDERS):
        raise RequestError(f"{store.root} holds no results: it has none of the folders {', '.join(FOLDERS)}")
    yield from check_corpora(reading, "corpora")
    for corpus in store.names("audio"):
        for chain in store.names(f"audio/{corpus}"):
            yield from check_rendition(reading, f"audio/{corpus}/{chain}")
    for cell in store.names("cells"):
        yield from check_cell(reading, f"cells/{cell}")
    for name in store.names("artefacts"):
        yield from reading.step(f"artefacts/{name}", "codecgrid artefacts CONFIG")
    for name in store.names("small_codecs"):
        yield from _small_codec(reading, f"small_codecs/{name}")
    yield from check_weights(reading, "weights")
    for name in store.names("experiments"):
        if name.endswith(".json"):
            yield from reading.json(f"experiments/{name}", "codecgrid run CONFIG")


def _small_codec(reading: Reading, folder: str) -> Iterator[Damage]:
    command, path = f"codecgrid codecs train, of {folder.rsplit('/', 1)[-1]}", f"{folder}/{STATE}"
    yield from reading.step(folder, command)
    if reading.store.exists(path):
        try:
            state_bytes(reading.store.read_bytes(path), path)
        except DamagedStateError as error:
            yield Damage(path, str(error), (path,), command)


def remove(store: Store, found: Sequence[Damage]) -> None:
    """Deletes what is to be made again; records first, so that a step that is half deleted is not taken for done."""
    for path in dict.fromkeys(path for damage in found for path in damage.remove):
        store.remove(f"{path}/{RECORD}")
        store.remove(path)


@contextmanager
def no_run(store: Store) -> Iterator[None]:
    """Holds the locks of all experiments of the store; RequestError while one of them is run."""
    names = [name.removesuffix(".json") for name in store.names("experiments") if name.endswith(".json")]
    with ExitStack() as locks:
        for name in names:
            try:
                locks.enter_context(store.lock(f"experiments/{name}.lock", timeout=1))
            except Timeout as error:
                raise RequestError(
                    f"experiment {name!r} is being run in {store.root}; --repair deletes nothing under a run: wait for "
                    "its end"
                ) from error
        yield
