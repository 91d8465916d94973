"""Writes predicted MOS into the manifest of an imported corpus, and computes them with a predictor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow.parquet as pq

from grid.core.errors import RequestError
from grid.core.store import Store
from grid.corpus.imported import StoredCorpus, stored_corpus
from grid.corpus.importing import MANIFEST_FILE
from grid.corpus.manifest import pending_rows, write_manifest
from grid.corpus.ratings import HIGHEST, LOWEST, mos_of, with_mos
from grid.corpus.recordings import Recordings
from grid.mos import Predict


@dataclass(frozen=True)
class RatingResult:
    """Numbers of utterances, of rated ones, and of files of measurements removed because the scores changed."""

    utterances: int
    rated: int
    removed: int


def rate_corpus(store: Store, name: str, scores: Mapping[str, float], *, replace: bool = False) -> RatingResult:
    """Writes `scores` (by utterance id) into the manifest of the corpus imported as `name`.

    Raises RequestError when the manifest has other scores, unless `replace`. Then the measurements of all experiments
    are removed from the store, and running or reporting an experiment computes them again.
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
    return RatingResult(manifest.num_rows, len(scores), _remove_measurements(store) if differs else 0)


def predict_scores(
    store: Store, name: str, predict: Predict, *, say: Callable[[int, int], None] = lambda done, of: None
) -> dict[str, float]:
    """The predicted MOS, clipped to 1 to 5, of every utterance that is not pending, by id; reads the audio files.

    `say` is called after each utterance with the number done and the number of all. Raises ChangedFileError for a file
    that is not as it was imported.
    """
    corpus = _stored(store, name)
    manifest = pq.read_table(store.local(f"{corpus.folder}/{MANIFEST_FILE}"))
    columns = manifest["utterance_id"], manifest["path"], manifest["sha256"], pending_rows(manifest)
    rows = list(zip(*(column.to_pylist() for column in columns), strict=True))
    recordings = Recordings(store, corpus.folder, corpus.audio_root)
    scores: dict[str, float] = {}
    for number, (utterance, path, sha256, pending) in enumerate(rows, 1):
        if not pending:
            score = predict(recordings.read(path, sha256).samples)
            scores[utterance] = min(max(score, LOWEST), HIGHEST)
        say(number, len(rows))
    return scores


def _stored(store: Store, name: str) -> StoredCorpus:
    corpus = stored_corpus(store, name)
    if corpus is None:
        raise RequestError(f"corpus {name!r} is not in {store.root}; run `codecgrid import` first")
    return corpus


def _remove_measurements(store: Store) -> int:
    """Removes the measurements and comparisons of every cell, which are recomputed on demand; the number of files."""
    removed = 0
    for cell in store.names("cells"):
        for file in store.names(f"cells/{cell}"):
            if file.startswith(("measurements-", "differences-", "calibration-")):
                store.remove(f"cells/{cell}/{file}")
                removed += 1
    return removed
