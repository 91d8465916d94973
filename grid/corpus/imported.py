"""The imported corpora of a store: each has a pointer file under its name and a folder named by its manifest digest.

The path `sample` stands for the sample corpus inside the package.
"""

from __future__ import annotations

import dataclasses
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from grid.config.experiment import CorpusSource
from grid.core.errors import RequestError
from grid.core.identity import file_digest
from grid.core.record import Record
from grid.core.store import Store
from grid.corpus.corpus_lock import corpus_lock
from grid.corpus.holdings import CorpusFacts, Holding, corpus_facts_of
from grid.corpus.importing import MANIFEST_FILE, ImportedCorpus, ImportResult, import_corpus
from grid.corpus.location import content_in_place, is_uri, outlined
from grid.corpus.manifest import read_manifest, write_manifest
from grid.corpus.packed import pack_recordings
from grid.corpus.ratings import mos_of, with_mos
from grid.corpus.readers import READERS, open_corpus

log = logging.getLogger(__name__)

SAMPLE = "sample"
"""The path that stands for the corpus inside the package."""
FACTS_OF_ROWS = ("holdings", "recorded_rates", "attack_rates")
"""The fields of `CorpusFacts` that a pointer file keeps, so that a plan need not read the manifest."""
REMOTE_READERS = 16
"""Threads that read a corpus on a bucket at its import: they wait more than they work."""


def sample_root() -> Path:
    """The folder of the sample corpus; the paths of its protocol are relative to it.

    It holds synthetic speech used as if it were bona fide: results with it say nothing about human speech. `README.md`
    in the folder lists the voices, the programs and their licences.
    """
    return Path(__file__).with_name("sample")


def sample_protocol() -> Path:
    """The protocol of the sample corpus: utterance_id, path, speaker, source, split, key, seconds, sha256."""
    return sample_root() / "protocol.csv"


@dataclass(frozen=True)
class StoredCorpus:
    """An imported corpus: the folder of its manifest in the store, the folder of its audio, and counts of rows.

    The audio is read from `audio_root` where the corpus is not packed (`grid.corpus.packed`).
    """

    facts: CorpusFacts
    folder: str
    audio_root: str
    utterances: int
    rejected: int


def pointer_path(name: str) -> str:
    """The store path of the file that has the current import of the corpus `name`."""
    return f"corpora/{name}.json"


def stored_corpus(store: Store, name: str) -> StoredCorpus | None:
    """The corpus that was imported as `name`, or None."""
    if not store.exists(pointer_path(name)):
        return None
    value = store.read_json(pointer_path(name))
    return StoredCorpus(
        _stored_facts(store, name, value),
        value["folder"],
        value["audio_root"],
        value["utterances"],
        value["rejected"],
    )


def open_stored(store: Store, corpus: StoredCorpus) -> ImportedCorpus:
    """The manifest of `corpus` and the folder of its audio."""
    return ImportedCorpus(Path(corpus.audio_root), read_manifest(store.local(f"{corpus.folder}/{MANIFEST_FILE}")))


def register_corpus(store: Store, source: CorpusSource, folder: Path) -> StoredCorpus:
    """Imports `source`, whose path is relative to `folder`, into the store under its name.

    While another process imports or packs it, this one waits, and takes the import that it has made.
    """
    with corpus_lock(store, source.name) as waited:
        made = current_corpus(store, source, folder) if waited else None
        return _register(store, source, folder) if made is None else made


def _register(store: Store, source: CorpusSource, folder: Path) -> StoredCorpus:
    place = source_place(source, folder)
    with _imported(source, place) as result:
        target = f"corpora/{source.name}-{result.digest[:12]}"
        _keep_mos(store, f"{target}/{MANIFEST_FILE}", result.manifest)
        for file in sorted(result.folder.iterdir()):
            store.write_bytes(f"{target}/{file.name}", file.read_bytes())
        facts = corpus_facts_of(source.name, result.digest, read_manifest(result.manifest))
    store.write_json(
        pointer_path(source.name),
        {
            "manifest_digest": result.digest,
            "folder": target,
            "audio_root": result.audio_root,
            "utterances": result.utterances,
            "rejected": result.rejected,
            **{name: dataclasses.asdict(facts)[name] for name in FACTS_OF_ROWS},
            "asked": _import_request(source, place),
        },
    )
    corpus = stored_corpus(store, source.name)
    assert corpus is not None
    return corpus


def _keep_mos(store: Store, stored: str, manifest: Path) -> None:
    """Copies the predicted MOS of an earlier import of the same utterances, at `stored`, to the file `manifest`."""
    scores = mos_of(read_manifest(store.local(stored))) if store.exists(stored) else {}
    if scores:
        write_manifest(manifest, with_mos(read_manifest(manifest), scores))


def corpus_facts(store: Store, source: CorpusSource, folder: Path) -> CorpusFacts:
    """The name, manifest digest and holdings of `source`, without writing to the store.

    A corpus that is not imported yet, or whose protocol has changed, is read as an import would, so that a plan shows
    the cells that a run would train. Raises RequestError when the corpus is neither in the store nor has a path.
    """
    stored = current_corpus(store, source, folder)
    if stored is not None:
        return stored.facts
    with _imported(source, source_place(source, folder)) as result:
        return corpus_facts_of(source.name, result.digest, read_manifest(result.manifest))


def pack_corpus(store: Store, name: str, *, say: Callable[[int, int], None] = lambda done, of: None) -> Record:
    """Packs the recordings of the corpus imported as `name` into the store, so that every machine can read them.

    `say` is called with the number of finished parts and of all. While another process imports or packs the corpus,
    this one waits. Raises RequestError for a corpus that is not imported, and for files that are missing here or have
    changed.
    """
    with corpus_lock(store, name):
        corpus = stored_corpus(store, name)
        if corpus is None:
            raise not_imported(store, name)
        manifest = open_stored(store, corpus).table
        return pack_recordings(store, corpus.folder, manifest, partial(content_in_place, corpus.audio_root), say=say)


def not_imported(store: Store, name: str) -> RequestError:
    """The error for a corpus that is not in the store."""
    return RequestError(
        f"corpus {name!r} is not in {store.root}: run `codecgrid import READER PATH --name {name} --root {store.root}`"
    )


def is_missing(store: Store, source: CorpusSource, folder: Path) -> bool:
    """Whether `source` is neither in the store nor where the experiment file says, so that nothing is known of it."""
    if store.exists(pointer_path(source.name)):
        return False
    return source.path is None or not _is_there(source_place(source, folder))


def current_corpus(store: Store, source: CorpusSource, folder: Path) -> StoredCorpus | None:
    """The import of `source` if it exists and still has the reader, protocol and options of the experiment file."""
    stored = stored_corpus(store, source.name)
    if source.path is None:
        if stored is None:
            raise RequestError(
                f"corpus {source.name!r} is not in {store.root}: run `codecgrid import READER PATH "
                f"--name {source.name}`, or give its reader and path in the experiment file"
            )
        return stored
    if stored is None:
        return None
    place = source_place(source, folder)
    if not _is_there(place):  # a job on a cluster has the store, not the disk the corpus was imported from
        log.info("corpus %s: %s is not here, its import is used", source.name, place)
        return stored
    request = _import_request(source, place)
    return stored if store.read_json(pointer_path(source.name)).get("asked") == request else None


def source_place(source: CorpusSource, folder: Path) -> str:
    """The protocol file or folder of `source`, absolute, or its path of fsspec; `sample` is in the package."""
    if source.path is None:
        raise RequestError(f"corpus {source.name!r} has no path to import from")
    if is_uri(source.path):
        return source.path
    return str(sample_protocol() if source.path == SAMPLE else (folder / source.path).resolve())


def _is_there(place: str) -> bool:
    """Whether a corpus lies at `place`; one on a bucket is taken to, and reading it says if not."""
    return is_uri(place) or Path(place).exists()


@contextmanager
def _imported(source: CorpusSource, place: str) -> Iterator[ImportResult]:
    """An import in a temporary folder; when it is refused, the folder is kept for its table of rejected rows."""
    with outlined(place) as outline:
        corpus = _open(source, outline.path)
        temporary = tempfile.mkdtemp(prefix=f"codecgrid-import-{source.name}-")
        audio_root = outline.audio_root(corpus.root.resolve())
        result = import_corpus(
            corpus,
            temporary,
            max_rejected_share=source.max_rejected_share,
            workers=REMOTE_READERS if is_uri(audio_root) else None,
            audio_root=audio_root,
        )
    yield result
    shutil.rmtree(temporary)


def _open(source: CorpusSource, path: Path) -> Any:
    if source.reader is None:
        raise RequestError(f"corpus {source.name!r} has no reader; readers: {', '.join(READERS.names())}")
    return open_corpus(source.reader, path, **source.options)


def _stored_facts(store: Store, name: str, value: dict[str, Any]) -> CorpusFacts:
    """The facts in the pointer file, or computed from the manifest for imports of an earlier version."""
    if not all(fact in value for fact in FACTS_OF_ROWS):
        manifest = read_manifest(store.local(f"{value['folder']}/{MANIFEST_FILE}"))
        return corpus_facts_of(name, value["manifest_digest"], manifest)
    return CorpusFacts(
        name,
        value["manifest_digest"],
        tuple(Holding(**held) for held in value["holdings"]),
        tuple(value["recorded_rates"]),
        tuple(value["attack_rates"]),
    )


def _import_request(source: CorpusSource, place: str) -> dict[str, Any]:
    """What an import depends on besides the audio files themselves."""
    return {
        "reader": source.reader,
        "protocol": file_digest(place) if not is_uri(place) and Path(place).is_file() else place,
        "options": dict(source.options),
    }
