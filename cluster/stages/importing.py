"""Stage 1: the corpora of an experiment are imported into the root, and one driver has the experiment."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import Timeout

from cluster.stages.events import Watcher
from grid.core.errors import RequestError
from grid.core.store import Store
from grid.corpus.imported import StoredCorpus, current_corpus, register_corpus
from grid.experiment.grid import load_experiment

log = logging.getLogger(__name__)


@contextmanager
def only_driver(store: Store, name: str) -> Iterator[None]:
    """One driver for each experiment and root; a second one is told so."""
    try:
        with store.lock(f"experiments/{name}.lock", timeout=5):
            yield
    except Timeout as error:
        raise RequestError(
            f"another run of {name!r} is going on in {store.root}; see `codecgrid status`, or wait for its end"
        ) from error


def import_corpora(config: str | Path, store: Store, watcher: Watcher) -> dict[str, StoredCorpus]:
    """The corpora and banks of the experiment at `config`, by name; those that are not in the store are imported."""
    experiment, _ = load_experiment(config)
    found: dict[str, StoredCorpus] = {}
    for source in experiment.all_corpora():
        stored = current_corpus(store, source, experiment.folder)
        if stored is None:
            watcher.stage(f"importing corpus {source.name}")
            stored = register_corpus(store, source, experiment.folder)
            if stored.rejected:
                log.warning("%d rows of %s were rejected; see %s", stored.rejected, source.name, stored.folder)
        found[source.name] = stored
    return found
