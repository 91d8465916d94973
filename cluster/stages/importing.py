"""The first stage of a run: imports the corpora of an experiment into the store; and the lock of the driver."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import Timeout

from cluster.stages.events import ProgressListener
from grid.core.errors import RequestError
from grid.core.lease import LeaseHeldError, LeaseLostError
from grid.core.store import Store
from grid.corpus.imported import StoredCorpus, current_corpus, pack_corpus, register_corpus
from grid.experiment.grid import load_experiment

log = logging.getLogger(__name__)

STOP_SECONDS = 0.5
"""How long the signal that a lost lock sends to its own process may take."""


@contextmanager
def driver_lock(store: Store, name: str) -> Iterator[None]:
    """Holds the lock of an experiment in this store; RequestError when another driver has it, or takes it over.

    The latter is possible on an object store alone, when this process was silent for longer than its lease lasts. It is
    then stopped like one that gets SIGTERM.
    """
    lost = threading.Event()

    def stop() -> None:
        lost.set()
        os.kill(os.getpid(), signal.SIGTERM)

    try:
        with store.lock(f"experiments/{name}.lock", timeout=5, on_lost=stop):
            yield
    except LeaseLostError as error:
        with suppress(KeyboardInterrupt):  # of `stop`, which another thread calls at about the same moment
            lost.wait(STOP_SECONDS)
            time.sleep(STOP_SECONDS)
        raise _lock_lost(name) from error
    except KeyboardInterrupt as error:
        if lost.is_set():
            raise _lock_lost(name) from error
        raise
    except Timeout as error:
        by = f" ({error.holder})" if isinstance(error, LeaseHeldError) else ""
        raise RequestError(
            f"another run of {name!r} is going on in {store.root}{by}; see `codecgrid status`, or wait for its end"
        ) from error


def _lock_lost(name: str) -> RequestError:
    return RequestError(
        f"this run of {name!r} was silent for so long that another run has taken its place; it was stopped, and "
        "nothing is lost. See `codecgrid status`"
    )


def import_corpora(config: str | Path, store: Store, listener: ProgressListener) -> dict[str, StoredCorpus]:
    """The corpora of the experiment at `config`, those for augmentation included, by name; imports missing ones.

    In a bucket their recordings are packed too, so that workers can read them, unless they are to be read in place.
    """
    experiment, _ = load_experiment(config)
    corpora: dict[str, StoredCorpus] = {}
    for source in experiment.all_corpora():
        stored = current_corpus(store, source, experiment.folder)
        if stored is None:
            listener.stage(f"importing corpus {source.name}")
            stored = register_corpus(store, source, experiment.folder)
            if stored.rejected:
                log.warning("%d rows of %s were rejected; see %s", stored.rejected, source.name, stored.folder)
            if not store.is_local and not source.in_place:
                listener.stage(f"packing the recordings of {source.name} into {store.root}")
                pack_corpus(store, source.name)
        corpora[source.name] = stored
    return corpora
