"""The import of a corpus: every file of a protocol is read once and enters the manifest or the table of rejected rows.

    corpus = open_corpus("csv", "speech/protocol.csv")
    result = import_corpus(corpus, "results/corpora/speech")

The folder then has manifest.parquet, rejected.parquet and corpus.json (with the folder of the audio).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePath

import pyarrow as pa
import pyarrow.parquet as pq

from grid.core.atomic_write import replacing
from grid.core.errors import RequestError, one_line
from grid.core.table_text import fits_a_line
from grid.core.vocabulary import KEYS, SPLITS
from grid.corpus.audio import MISSING, UNREADABLE, UnusableAudioError, read_audio
from grid.corpus.location import content_in_place
from grid.corpus.manifest import (
    MANIFEST_SCHEMA,
    Utterance,
    join_manifests,
    manifest_digest,
    read_manifest,
    to_table,
    write_manifest,
)
from grid.corpus.protocol import Corpus, ProtocolRow

NO_ID = "no-id"
BAD_CHARACTER = "bad-character"
DUPLICATE_ID = "duplicate-id"
BAD_KEY = "bad-key"
BAD_SPLIT = "bad-split"
BAD_PENDING = "bad-pending"
OUTSIDE_ROOT = "outside-root"
SHA256_MISMATCH = "sha256-mismatch"

MANIFEST_FILE = "manifest.parquet"
REJECTED_FILE = "rejected.parquet"
CORPUS_FILE = "corpus.json"
REJECTED_SCHEMA = pa.schema(
    [
        ("utterance_id", pa.string()),
        ("path", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("line", pa.int64()),
    ]
)

_TEXTS = ("utterance_id", "path", "speaker", "attack", "codec", "origin", "source")
_logger = logging.getLogger(__name__)
_ROWS_AT_ONCE = 4096
_SHOWN = 5


@dataclass(frozen=True)
class Rejection:
    """A row that is not in the manifest; `reason` is a constant of this module or of grid.corpus.audio."""

    utterance_id: str
    path: str
    reason: str
    detail: str
    line: int


def rejected(row: ProtocolRow, reason: str, detail: str) -> Rejection:
    """The rejection of `row` with its reason."""
    return Rejection(_encodable(row.utterance_id), _encodable(row.path), reason, _encodable(detail), row.line)


def _encodable(text: str) -> str:
    """`text` with the bytes of a file name that is no UTF-8 written as `\\udc80`."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def examine(row: ProtocolRow, root: Path, audio_root: str = "") -> Utterance | Rejection:
    """Reads the row's file under `root`, a resolved path; a fault of the row or the file is returned, not raised.

    The bytes are those below `audio_root` where `root` has only the names of files (`grid.corpus.location`).
    """
    if not row.utterance_id.strip():
        return rejected(row, NO_ID, "the utterance id is empty")
    for name in _TEXTS:
        if not fits_a_line(getattr(row, name)):
            return rejected(
                row, BAD_CHARACTER, f"{name} {getattr(row, name)!r} has a character that ends a line or is not UTF-8"
            )
    if row.key not in KEYS:
        return rejected(row, BAD_KEY, f"{row.key!r} is not one of {', '.join(KEYS)}")
    if row.split not in SPLITS:
        return rejected(row, BAD_SPLIT, f"{row.split!r} is not one of {', '.join(SPLITS)}")
    if row.pending and (row.attack or not row.codec):
        return rejected(row, BAD_PENDING, "a pending row is a recording with the codec to apply, and no attack")
    try:
        return _read(row, root, audio_root or str(root))
    except UnusableAudioError as error:
        return rejected(row, error.reason, error.detail)
    except (OSError, MemoryError) as error:
        return rejected(row, UNREADABLE, one_line(error))


def _read(row: ProtocolRow, root: Path, audio_root: str) -> Utterance | Rejection:
    try:
        file = (root / row.path).resolve()
    except RuntimeError as error:  # before Python 3.13; then the file is just not there
        return rejected(row, MISSING, one_line(error, kind=False))
    if not file.is_relative_to(root):
        return rejected(row, OUTSIDE_ROOT, f"leads to {file}, outside of {root}")
    if not file.is_file():
        return rejected(row, MISSING, f"no such file: {file}")
    path = _relative(row.path, file, root)
    content = content_in_place(audio_root, path)
    sha256 = hashlib.sha256(content).hexdigest()
    if row.sha256 is not None and row.sha256.lower() != sha256:
        return rejected(row, SHA256_MISMATCH, f"the protocol says {row.sha256}, the file has {sha256}")
    audio = read_audio(f"{audio_root}/{path}", content=content)
    return Utterance(
        utterance_id=row.utterance_id,
        speaker=row.speaker,
        split=row.split,
        key=row.key,
        attack=row.attack,
        codec=row.codec,
        origin=row.origin or row.utterance_id,
        source=row.source,
        path=path,
        seconds=audio.seconds,
        samples=len(audio.samples),
        sample_rate=audio.sample_rate,
        channels=audio.channels,
        sha256=sha256,
        pending=row.pending,
    )


def _relative(path: str, file: Path, root: Path) -> str:
    """The POSIX path from the root: that of the protocol, unless it is absolute or has `..`."""
    stated = PurePath(path)
    relative = stated if not stated.is_absolute() and ".." not in stated.parts else file.relative_to(root)
    return relative.as_posix()


@dataclass(frozen=True)
class ImportResult:
    """A finished import: its folder, the place of the audio, the counts and the digest of the manifest."""

    folder: Path
    audio_root: str
    utterances: int
    rejected: int
    digest: str

    @property
    def manifest(self) -> Path:
        """The Parquet file of the utterances."""
        return self.folder / MANIFEST_FILE

    @property
    def rejected_table(self) -> Path:
        """The Parquet file of the rejected rows, with reason, detail and line of the protocol."""
        return self.folder / REJECTED_FILE


@dataclass(frozen=True)
class ImportedCorpus:
    """A corpus that was imported: its manifest, and the folder that its paths are relative to."""

    root: Path
    table: pa.Table


def import_corpus(
    corpus: Corpus,
    out_dir: str | Path,
    *,
    max_rejected_share: float = 0.01,
    workers: int | None = None,
    audio_root: str = "",
) -> ImportResult:
    """Reads each file of `corpus`, in `workers` threads (default: one per core), and writes its manifest to `out_dir`.

    Audio is read below `audio_root` (default: the root of `corpus`), a folder or a path of fsspec, which has the files
    that the root names. The result does not depend on the number of threads. Of rows with the same utterance_id the
    first is used. Raises RequestError if the protocol has no rows, or if more than `max_rejected_share` of them, or
    all, are unusable; then rejected.parquet is written, but no manifest (an earlier one is kept).
    """
    folder, root = Path(out_dir), corpus.root.resolve()
    if not root.is_dir():
        raise RequestError(f"{root}: the folder of the audio does not exist")
    audio_root = audio_root or str(root)
    table, refused = _examine_all(corpus.rows, root, audio_root, workers or os.cpu_count() or 1)
    if table.num_rows + len(refused) == 0:
        raise RequestError(f"{corpus.protocol}: the protocol names no utterances")
    _write_rejected(folder / REJECTED_FILE, refused)
    _check_share(table.num_rows, refused, max_rejected_share, corpus.protocol, folder / REJECTED_FILE)
    write_manifest(folder / MANIFEST_FILE, table)
    result = ImportResult(folder, audio_root, table.num_rows, len(refused), manifest_digest(table))
    _write_corpus_file(result, corpus)
    return result


def open_imported(folder: str | Path) -> ImportedCorpus:
    """The corpus that was imported to `folder`; RequestError if there is none, or if its audio folder is gone."""
    folder = Path(folder)
    table = read_manifest(folder / MANIFEST_FILE)
    try:
        root = Path(json.loads((folder / CORPUS_FILE).read_text(encoding="utf-8"))["root"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RequestError(f"{folder / CORPUS_FILE}: cannot be read ({error}); import the corpus again") from error
    if not root.is_dir():
        raise RequestError(
            f"{root}: the audio of {folder} is not there; if it moved, edit {CORPUS_FILE} or import again"
        )
    return ImportedCorpus(root, table)


def _examine_all(
    rows: Iterable[ProtocolRow], root: Path, audio_root: str, workers: int
) -> tuple[pa.Table, list[Rejection]]:
    """All usable rows as one table, and the rejections by line; the rows are read in parts, to bound the memory."""
    tables: list[pa.Table] = [MANIFEST_SCHEMA.empty_table()]
    refused: list[Rejection] = []
    seen_ids: set[str] = set()
    done = 0
    with ThreadPoolExecutor(workers) as pool:  # decoding and hashing release Python's global lock
        for part in _parts(rows):
            unique = [row for row in part if not _is_duplicate(row, seen_ids, refused)]
            outcomes = list(pool.map(lambda row: examine(row, root, audio_root), unique))
            tables.append(to_table(item for item in outcomes if isinstance(item, Utterance)))
            refused += [item for item in outcomes if isinstance(item, Rejection)]
            done += len(part)
            _logger.info("%d files read, %d rejected", done, len(refused))
    return join_manifests(tables), sorted(refused, key=lambda item: (item.line, item.utterance_id, item.path))


def _parts(rows: Iterable[ProtocolRow]) -> Iterator[list[ProtocolRow]]:
    iterator = iter(rows)
    while part := list(islice(iterator, _ROWS_AT_ONCE)):
        yield part


def _is_duplicate(row: ProtocolRow, seen_ids: set[str], refused: list[Rejection]) -> bool:
    if row.utterance_id not in seen_ids:
        seen_ids.add(row.utterance_id)
        return False
    refused.append(rejected(row, DUPLICATE_ID, "an earlier row has this utterance id"))
    return True


def _check_share(used: int, refused: list[Rejection], share: float, protocol: Path, table: Path) -> None:
    """Logs the numbers of rejected rows by reason; RequestError if they are more than `share` of all rows, or all."""
    if not refused:
        return
    reasons = ", ".join(f"{count} {reason}" for reason, count in Counter(i.reason for i in refused).most_common())
    total = used + len(refused)
    counts = f"{protocol}: {len(refused)} of {total} utterances ({len(refused) / total:.2%}) are unusable: {reasons}"
    if used and len(refused) <= share * total:
        _logger.info("%s; all are in %s", counts, table)
        return
    first = "".join(f"\n  line {i.line}: {i.utterance_id}: {i.reason}: {i.detail}" for i in refused[:_SHOWN])
    more = f"\n  ... {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else ""
    raise RequestError(
        f"{counts}. At most {share:.2%} are allowed (max_rejected_share), so no manifest was written.{first}{more}\n"
        f"All of them: {table}"
    )


def _write_rejected(path: Path, refused: list[Rejection]) -> None:
    table = pa.Table.from_pylist([dataclasses.asdict(item) for item in refused], schema=REJECTED_SCHEMA)
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def _write_corpus_file(result: ImportResult, corpus: Corpus) -> None:
    content = {
        "root": result.audio_root,
        "protocol": str(corpus.protocol.resolve()),
        "disjoint_speakers": corpus.disjoint_speakers,
        "manifest_digest": result.digest,
        "utterances": result.utterances,
        "rejected": result.rejected,
    }
    with replacing(result.folder / CORPUS_FILE) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
