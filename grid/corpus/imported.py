"""The imported corpora of a store: each has a pointer file under its name and a folder named by its manifest digest.

The path `sample` stands for the sample corpus inside the package.
"""

from __future__ import annotations

import dataclasses
import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grid.config.experiment import CorpusSource
from grid.core.errors import RequestError
from grid.core.identity import file_digest
from grid.core.store import Store
from grid.corpus.holdings import CorpusFacts, Holding, holdings, recorded_rates
from grid.corpus.importing import MANIFEST_FILE, ImportedCorpus, ImportResult, import_corpus
from grid.corpus.manifest import read_manifest, write_manifest
from grid.corpus.ratings import mos_of, with_mos
from grid.corpus.readers import READERS, open_corpus

log = logging.getLogger(__name__)

SAMPLE = "sample"
"""The path that stands for the corpus inside the package."""


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
    """An imported corpus: the folder of its manifest in the store, the folder of its audio, and counts of rows."""

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
        CorpusFacts(name, value["manifest_digest"], *_facts_of_rows(store, value)),
        value["folder"],
        value["audio_root"],
        value["utterances"],
        value["rejected"],
    )


def open_stored(store: Store, corpus: StoredCorpus) -> ImportedCorpus:
    """The manifest of `corpus` and the folder of its audio."""
    return ImportedCorpus(Path(corpus.audio_root), read_manifest(store.local(f"{corpus.folder}/{MANIFEST_FILE}")))


def register_corpus(store: Store, source: CorpusSource, folder: Path) -> StoredCorpus:
    """Imports `source`, whose path is relative to `folder`, into the store under its name."""
    path = source_path(source, folder)
    with _imported(source, path) as result:
        target = f"corpora/{source.name}-{result.digest[:12]}"
        _keep_mos(store, f"{target}/{MANIFEST_FILE}", result.manifest)
        for file in sorted(result.folder.iterdir()):
            store.write_bytes(f"{target}/{file.name}", file.read_bytes())
        manifest = read_manifest(result.manifest)
    store.write_json(
        pointer_path(source.name),
        {
            "manifest_digest": result.digest,
            "folder": target,
            "audio_root": str(result.root),
            "utterances": result.utterances,
            "rejected": result.rejected,
            "holdings": [dataclasses.asdict(holding) for holding in holdings(manifest)],
            "recorded_rates": recorded_rates(manifest),
            "asked": _import_request(source, path),
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
    with _imported(source, source_path(source, folder)) as result:
        manifest = read_manifest(result.manifest)
        return CorpusFacts(source.name, result.digest, holdings(manifest), recorded_rates(manifest))


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
    path = source_path(source, folder)
    if not path.exists():  # a job on a cluster has the store, not the disk the corpus was imported from
        log.info("corpus %s: %s is not here, its import is used", source.name, path)
        return stored
    request = _import_request(source, path)
    return stored if store.read_json(pointer_path(source.name)).get("asked") == request else None


def source_path(source: CorpusSource, folder: Path) -> Path:
    """The protocol file or folder of `source`; `sample` is the corpus inside the package."""
    if source.path is None:
        raise RequestError(f"corpus {source.name!r} has no path to import from")
    return sample_protocol() if source.path == SAMPLE else (folder / source.path).resolve()


@contextmanager
def _imported(source: CorpusSource, path: Path) -> Iterator[ImportResult]:
    """An import in a temporary folder; when it is refused, the folder is kept for its table of rejected rows."""
    temporary = tempfile.mkdtemp(prefix=f"codecgrid-import-{source.name}-")
    yield import_corpus(_open(source, path), temporary, max_rejected_share=source.max_rejected_share)
    shutil.rmtree(temporary)


def _open(source: CorpusSource, path: Path) -> Any:
    if source.reader is None:
        raise RequestError(f"corpus {source.name!r} has no reader; readers: {', '.join(READERS.names())}")
    return open_corpus(source.reader, path, **source.options)


def _facts_of_rows(store: Store, value: dict[str, Any]) -> tuple[tuple[Holding, ...], tuple[int, ...]]:
    """Holdings and rates in the pointer file, or computed from the manifest for imports of an earlier version."""
    if "holdings" in value and "recorded_rates" in value:
        return tuple(Holding(**held) for held in value["holdings"]), tuple(value["recorded_rates"])
    manifest = read_manifest(store.local(f"{value['folder']}/{MANIFEST_FILE}"))
    return holdings(manifest), recorded_rates(manifest)


def _import_request(source: CorpusSource, path: Path) -> dict[str, Any]:
    """What an import depends on besides the audio files themselves."""
    return {
        "reader": source.reader,
        "protocol": file_digest(path) if path.is_file() else str(path),
        "options": dict(source.options),
    }
