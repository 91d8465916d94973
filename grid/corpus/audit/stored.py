"""The audit of corpora that a store holds: what was measured once is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from grid.core.record import Record
from grid.core.store import Store
from grid.core.vocabulary import SPLITS
from grid.corpus.audit.compute import AuditedCorpus
from grid.corpus.audit.features import measure_features, read_features
from grid.corpus.imported import StoredCorpus, not_imported, stored_corpus
from grid.corpus.importing import CORPUS_FILE, MANIFEST_FILE
from grid.corpus.manifest import read_manifest


def measure_stored(store: Store, name: str, *, say: Callable[[int, int], None] = lambda done, of: None) -> Record:
    """Measures the audio of the corpus imported as `name`, unless that is done; `say` as in `measure_features`.

    Raises RequestError for a corpus that is not imported, and as `measure_features`.
    """
    corpus = _stored(store, name)
    manifest = read_manifest(store.local(f"{corpus.folder}/{MANIFEST_FILE}"))
    return measure_features(store, corpus.folder, corpus.audio_root, manifest, say=say)


def audited_corpus(store: Store, name: str, *, splits: Sequence[str] = SPLITS, with_cors: bool = True) -> AuditedCorpus:
    """The corpus imported as `name` with what was measured of it; RequestError where it is not imported."""
    corpus = _stored(store, name)
    return AuditedCorpus(
        name,
        read_manifest(store.local(f"{corpus.folder}/{MANIFEST_FILE}")),
        read_features(store, corpus.folder),
        store.read_json(f"{corpus.folder}/{CORPUS_FILE}").get("disjoint_speakers", ""),
        splits,
        with_cors,
    )


def _stored(store: Store, name: str) -> StoredCorpus:
    corpus = stored_corpus(store, name)
    if corpus is None:
        raise not_imported(store, name)
    return corpus
