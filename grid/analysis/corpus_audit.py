"""The audit of the corpora of an experiment, as far as the experiment uses them."""

from __future__ import annotations

from grid.config.experiment import Experiment
from grid.core.store import Store
from grid.corpus.audit.compute import audit
from grid.corpus.audit.results import Audit
from grid.corpus.audit.stored import audited_corpus
from grid.corpus.imported import stored_corpus


def read_audit(store: Store, experiment: Experiment) -> Audit | None:
    """The audit over the imported corpora of an experiment, in the splits it uses; None before any is imported.

    No audio is read: of a corpus that was not measured only what its manifest has is known.
    """
    sources = [source for source in experiment.corpora if stored_corpus(store, source.name) is not None]
    if not sources:
        return None
    return audit(
        [audited_corpus(store, each.name, splits=each.splits, with_cors=each.cors == "own") for each in sources]
    )
