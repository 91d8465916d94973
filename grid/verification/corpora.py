"""Checks the imported corpora: pointers, manifests against the digest of their import, packed copies, features."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow.parquet as pq
from pydantic import ValidationError

from grid.core.errors import RequestError
from grid.core.record import RECORD, check_outputs, is_finished
from grid.corpus.audit.features import features_folder
from grid.corpus.holdings import corpus_facts_of
from grid.corpus.imported import stored_corpus
from grid.corpus.importing import CORPUS_FILE, MANIFEST_FILE, REJECTED_FILE
from grid.corpus.manifest import manifest_digest, read_manifest
from grid.corpus.packed import packed_folder
from grid.verification.damage import Damage, Reading, problem

UNREADABLE = (RequestError, OSError, ValueError, LookupError, TypeError, AttributeError)
"""What reading a damaged JSON or Parquet file raises, depending on its bytes."""
PACK = "codecgrid pack, of this corpus"
AUDIT = "codecgrid audit, of this corpus"
COMMAND = "codecgrid run CONFIG, or codecgrid import, of this corpus"


def check_corpora(reading: Reading, folder: str) -> Iterator[Damage]:
    """The damage of all corpora in `folder` and of their packed recordings; rendering checks those in place."""
    names = reading.store.names(folder)
    found = [d for name in names if not name.endswith(".json") for d in _corpus(reading, f"{folder}/{name}")]
    yield from found
    removed = {path for damage in found for path in damage.remove}
    for path in (f"{folder}/{name}" for name in names if name.endswith(".json")):
        if path not in removed:
            yield from _pointer(reading, path)
    for corpus in (f"{folder}/{name}" for name in names if not name.endswith(".json")):
        yield from _made_from(reading, packed_folder(corpus), PACK)
        yield from _made_from(reading, features_folder(corpus), AUDIT)


def _made_from(reading: Reading, folder: str, command: str) -> Iterator[Damage]:
    """The damage of packed recordings or of features; each tar is read by itself, with the share of the shards."""
    if not is_finished(reading.store, folder):
        return
    try:
        record = reading.record(folder)
        assert record is not None  # it is finished
    except (RequestError, ValidationError) as error:
        yield Damage(folder, problem(error), (folder,), command)
        return
    for name, sha256 in record.outputs.items():
        try:
            if not name.endswith(".tar") or reading.reads_shard():
                check_outputs(reading.store, folder, record.model_copy(update={"outputs": {name: sha256}}))
        except RequestError as error:
            yield Damage(f"{folder}/{name}", problem(error), (f"{folder}/{RECORD}", f"{folder}/{name}"), command)


def _pointer(reading: Reading, path: str) -> Iterator[Damage]:
    store, name = reading.store, path.rpartition("/")[2].removesuffix(".json")
    try:
        stored = stored_corpus(store, name)
        assert stored is not None  # its pointer is there
        imported = store.read_json(f"{stored.folder}/{CORPUS_FILE}")
        manifest = read_manifest(store.local(f"{stored.folder}/{MANIFEST_FILE}"))
        facts = corpus_facts_of(name, imported["manifest_digest"], manifest)
        if (stored.facts, stored.audio_root, stored.utterances) != (facts, imported["root"], manifest.num_rows):
            raise RequestError(f"{path} does not agree with the import in {stored.folder}")
    except UNREADABLE as error:
        yield Damage(path, problem(error), (path,), COMMAND)


def _corpus(reading: Reading, folder: str) -> Iterator[Damage]:
    reading.steps += 1
    store = reading.store
    try:
        recorded = store.read_json(f"{folder}/{CORPUS_FILE}")["manifest_digest"]
        manifest = read_manifest(store.local(f"{folder}/{MANIFEST_FILE}"))
        pq.read_table(store.local(f"{folder}/{REJECTED_FILE}"))
        if manifest_digest(manifest) != recorded:
            raise RequestError(f"{folder}/{MANIFEST_FILE} does not have the digest of its import, {recorded}")
    except UNREADABLE as error:
        yield Damage(folder, problem(error), (*_pointers(reading, folder), folder), COMMAND)


def _pointers(reading: Reading, folder: str) -> list[str]:
    """The pointer to this import, unless there is a later one of the corpus or the pointer is damaged itself."""
    pointer = f"{folder.rsplit('-', 1)[0]}.json"
    try:
        return [pointer] if reading.store.read_json(pointer)["folder"] == folder else []
    except UNREADABLE:
        return []
