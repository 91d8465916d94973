"""Fills the predicted MOS of an imported corpus, from scores that are given or from a predictor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from grid.core.errors import RequestError
from grid.core.store import Store
from grid.corpus.audio import read_audio
from grid.corpus.imported import StoredCorpus, stored_corpus
from grid.corpus.importing import MANIFEST_FILE
from grid.corpus.manifest import pending_rows, write_manifest
from grid.corpus.ratings import HIGHEST, LOWEST, mos_of, with_mos
from grid.mos import Predict


@dataclass(frozen=True)
class Rated:
    """How many utterances of a corpus are rated, and how many measurements rested on other scores and were removed."""

    utterances: int
    rated: int
    removed: int


def rate_corpus(store: Store, name: str, scores: Mapping[str, float], *, replace: bool = False) -> Rated:
    """Writes `scores` (by utterance id) into the manifest of the corpus imported as `name`.

    Where scores are there and others than these, RequestError unless `replace`; what was measured with them, under any
    experiment, is then removed from the store, and running or reporting an experiment measures it again.
    """
    corpus = _stored(store, name)
    path = f"{corpus.folder}/{MANIFEST_FILE}"
    manifest = pq.read_table(store.local(path))
    before, rated = mos_of(manifest), with_mos(manifest, scores)
    differs = bool(before) and before != dict(scores)
    if differs and not replace:
        raise RequestError(
            f"corpus {name!r} has other scores already ({len(before)} utterances); --replace puts these in their place"
        )
    if before != dict(scores):
        with store.writing(path) as temporary:
            write_manifest(temporary, rated)
    return Rated(manifest.num_rows, len(scores), _forget_measurements(store) if differs else 0)


def predict_scores(
    store: Store, name: str, predict: Predict, *, say: Callable[[int, int], None] = lambda done, of: None
) -> dict[str, float]:
    """The predicted MOS of every utterance of a corpus that is not pending, held to 1 to 5; reads its audio files."""
    corpus = _stored(store, name)
    manifest = pq.read_table(store.local(f"{corpus.folder}/{MANIFEST_FILE}"))
    columns = manifest["utterance_id"], manifest["path"], pending_rows(manifest)
    rows = list(zip(*(column.to_pylist() for column in columns), strict=True))
    found: dict[str, float] = {}
    for number, (utterance, path, pending) in enumerate(rows, 1):
        if not pending:
            score = predict(read_audio(Path(corpus.audio_root) / path).samples)
            found[utterance] = min(max(score, LOWEST), HIGHEST)
        say(number, len(rows))
    return found


def _stored(store: Store, name: str) -> StoredCorpus:
    corpus = stored_corpus(store, name)
    if corpus is None:
        raise RequestError(f"corpus {name!r} is not in {store.root}; run `codecgrid import` first")
    return corpus


def _forget_measurements(store: Store) -> int:
    """Removes the measurements and comparisons of every cell; they are a function of scores and made again at need."""
    removed = 0
    for cell in store.names("cells"):
        for file in store.names(f"cells/{cell}"):
            if file.startswith(("measurements-", "differences-")):
                store.remove(f"cells/{cell}/{file}")
                removed += 1
    return removed
