"""Reads the Parquet protocols of DeepFense: columns `path`, `label` (bonafide = 1), and optionally ID, speaker, split.

Format: github.com/Yaselley/deepfense-framework.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from grid.core.errors import RequestError
from grid.core.vocabulary import BONAFIDE, SPOOF
from grid.corpus.protocol import Corpus, ProtocolRow, parse_key, parse_split, require_path
from grid.corpus.readers import READERS

REQUIRED = ("path", "label")
OPTIONAL = ("ID", "speaker", "split")


@READERS.register("deepfense")
def rows(path: Path, *, root: str | None = None, split: str = "test", source: str = "") -> Corpus:
    """The rows of a DeepFense Parquet file; without the column ID the path, less its suffix, is the utterance id.

    `root` is the folder that paths are relative to, or that absolute paths must lie in (default: the folder of the
    file); `split` is that of rows without one. Lines count from 1. Raises RequestError for missing columns, and
    with the line for a label that is neither 1, 0 nor a known spelling of bonafide or spoof.
    """
    path = require_path(path, folder=False)
    parse_split(split, str(path))
    try:
        columns = pq.read_schema(path).names
    except (pa.ArrowInvalid, OSError) as error:
        raise RequestError(f"{path}: not a Parquet file ({error})") from error
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise RequestError(
            f"{path}: columns {', '.join(missing)} are missing. Found: {', '.join(columns)}. "
            f"Expected: {', '.join(REQUIRED)}, and if known {', '.join(OPTIONAL)}."
        )
    used = [name for name in REQUIRED + OPTIONAL if name in columns]
    protocol_rows = _rows(path, pq.read_table(path, columns=used, partitioning=None), split, source)
    return Corpus(root=Path(root) if root else path.parent, rows=protocol_rows, protocol=path)


def _rows(path: Path, table: pa.Table, split: str, source: str) -> Iterator[ProtocolRow]:
    for line, row in enumerate(table.to_pylist(), 1):
        where = f"{path}:{line}"
        file = str(row["path"])
        yield ProtocolRow(
            utterance_id=str(row.get("ID") or PurePosixPath(file).with_suffix("")),
            path=file,
            speaker=str(row.get("speaker") or ""),
            split=parse_split(row.get("split") or split, where),
            key=_key(row["label"], where),
            source=source,
            line=line,
        )


def _key(label: Any, where: str) -> str:
    numbers = {1: BONAFIDE, 0: SPOOF, "1": BONAFIDE, "0": SPOOF}
    return numbers.get(label) or parse_key(str(label), where)
