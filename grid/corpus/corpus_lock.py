"""The lock of a corpus's name in a store: of two processes that import or pack it at once, one does it."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from filelock import Timeout

from grid.core.store import Store

log = logging.getLogger(__name__)


@contextmanager
def corpus_lock(store: Store, name: str) -> Iterator[bool]:
    """Holds the lock of the corpus `name`, after another process that has it; yields whether that was waited for."""
    path, waited = f"locks/corpora/{name}/lock", False
    with ExitStack() as held:
        try:
            held.enter_context(store.lock(path, timeout=0))
        except Timeout:
            waited = True
            log.warning("corpus %s is imported or packed by another process; this one waits for its end", name)
            held.enter_context(store.lock(path, timeout=math.inf))
        yield waited
