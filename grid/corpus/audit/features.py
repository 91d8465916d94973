"""The features of every file of an imported corpus, measured once from its audio and kept with the import.

    corpora/NAME-DIGEST/features-2/part-00000.parquet    a slice of the manifest's rows, in its order
    corpora/NAME-DIGEST/features-2/record.json           written last, with the SHA-256 of each part

The 2 is FEATURES_REVISION. Files are read in parallel, and no more than a part is in memory. Measuring again goes on
with the first part that is not there.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from grid.core.identity import DIGEST_LENGTH
from grid.core.record import Record, finish, local_output, read_record
from grid.core.store import Store
from grid.corpus.audio import to_16khz
from grid.corpus.location import is_uri
from grid.corpus.manifest import pending_rows
from grid.corpus.recordings import Recordings
from grid.metrics.shortcut_features import FEATURES, FEATURES_REVISION, clipping, features

PART_ROWS = 8192
"""Utterances of a part: about a minute on one core, and what a killed process loses at most."""
REMOTE_READERS = 16
"""Threads that read from a bucket: they wait more than they work."""
AUDIO_DIGEST = "audio_digest"
FEATURES_SCHEMA = pa.schema(
    [
        ("utterance_id", pa.string()),
        (AUDIO_DIGEST, pa.string()),
        *((name, pa.float64()) for name in FEATURES),
    ]
)


def features_folder(corpus_folder: str) -> str:
    """The folder of the features, from that of the import."""
    return f"{corpus_folder}/features-{FEATURES_REVISION}"


def measured_rows(manifest: pa.Table) -> pa.Table:
    """The rows that are measured: not those whose codec has still to be applied, as their audio is not there yet."""
    return manifest.filter(pc.invert(pending_rows(manifest)))


def measure_features(
    store: Store,
    corpus_folder: str,
    audio_root: str,
    manifest: pa.Table,
    *,
    say: Callable[[int, int], None] = lambda done, of: None,
) -> Record:
    """Measures the files of `manifest`, the corpus imported to `corpus_folder`; returns the record.

    What is measured already is left. `say` is called after each part with the utterances done and those of all. Raises
    ChangedFileError for a file that is not as it was imported, UnusableAudioError for one that cannot be read.
    """
    folder = features_folder(corpus_folder)
    if (record := read_record(store, folder)) is not None:
        return record
    recordings = Recordings(store, corpus_folder, audio_root)
    rows = measured_rows(manifest).select(["utterance_id", "path", "sha256"])
    names = [f"part-{number:05d}.parquet" for number in range(-(-rows.num_rows // PART_ROWS))]
    there = set(store.names(folder))
    in_place = recordings.packed is None and is_uri(audio_root)
    with ThreadPoolExecutor(REMOTE_READERS if in_place else os.cpu_count()) as pool:
        for number, name in enumerate(names):
            part = rows.slice(number * PART_ROWS, PART_ROWS)
            if name not in there:
                # decoding, hashing and the spectra release Python's global lock
                measured = list(pool.map(lambda row: _measured(recordings, row), part.to_pylist()))
                with store.writing(f"{folder}/{name}") as temporary:
                    pq.write_table(pa.Table.from_pylist(measured, FEATURES_SCHEMA), temporary, compression="zstd")
            say(number * PART_ROWS + part.num_rows, rows.num_rows)
    return finish(
        store,
        folder,
        kind="audio features",
        identity={"corpus": corpus_folder, "revision": FEATURES_REVISION},
        outputs=names,
        results={"utterances": rows.num_rows},
    )


def read_features(store: Store, corpus_folder: str) -> pa.Table | None:
    """The features of `measured_rows`, in the order of the manifest; None where they were not measured.

    Raises RequestError for a part whose SHA-256 is not the recorded one.
    """
    folder = features_folder(corpus_folder)
    record = read_record(store, folder)
    if record is None:
        return None
    parts = [pq.read_table(local_output(store, folder, record, name)) for name in sorted(record.outputs)]
    return pa.concat_tables([FEATURES_SCHEMA.empty_table(), *parts])


def _measured(recordings: Recordings, row: dict[str, str]) -> dict[str, object]:
    """The features of one file: clipping at its own rate, for resampling rounds it off; all others at 16 kHz.

    The digest is of the decoded samples, so that a copy in another container, or with other tags, is found.
    """
    audio = recordings.read_at_own_rate(row["path"], row["sha256"])
    digest = hashlib.sha256(audio.samples.data).hexdigest()[:DIGEST_LENGTH]
    heard = features(to_16khz(audio.samples, audio.sample_rate)) | {"clipping": clipping(audio.samples)}
    values = (row["utterance_id"], digest, *(heard[name] for name in FEATURES))
    return dict(zip(FEATURES_SCHEMA.names, values, strict=True))
