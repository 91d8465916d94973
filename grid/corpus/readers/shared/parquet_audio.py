"""Extracts audio from Parquet files (as Hugging Face stores datasets): its bytes are written to files, once.

Other columns are returned unchanged; audio is not decoded.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from grid.core.atomic_write import replacing
from grid.core.errors import RequestError

# 16 rows of 4 s PCM16 are 2 MB; a row group of a hub file can be a gigabyte
_ROWS_AT_ONCE = 16

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Extracted:
    """One row of a Parquet file: `path` of its audio, relative to the output folder, and the other columns, `values`.

    `stem` is the file name of the audio by the row, without folder and suffix, "" if it has none; `where` is
    `file:row`, counting rows from 1 in that file; `row` counts them from 1 over all files.
    """

    path: str
    stem: str
    values: dict[str, Any]
    where: str
    row: int


def parquet_files(path: Path, *, split: str = "") -> list[Path]:
    """`path` itself, or all Parquet files below that folder, sorted.

    With `split` only files named `<split>-...` (as on the hub) or in a folder of that name. Raises RequestError if
    there are none.
    """
    if path.is_file():
        return [path]
    files = sorted(path.glob("**/*.parquet"))
    if split:
        files = [file for file in files if file.name.startswith(f"{split}-") or split in file.relative_to(path).parts]
    if not files:
        expected = f"{split}-*.parquet or {split}/*.parquet" if split else "*.parquet"
        raise RequestError(f"{path}: no Parquet files; expected a file, or a folder with {expected}")
    return files


def extracted(
    files: Sequence[Path],
    folder: str | Path,
    columns: Sequence[str],
    *,
    name: Callable[[str, dict[str, Any], int], str],
    audio: str = "audio",
) -> Iterator[Extracted]:
    """Each row of `files`, in order, after its audio was written to `folder`.

    `audio` is a column of structs {bytes, path}; `columns` are the other columns to read. `name(stem, values, row)`
    returns the file name under `folder`, POSIX and without suffix; the suffix is that of the row's path, else .wav.
    Files are written atomically; an existing file of the same size is kept. For a row without bytes no file is written,
    and the import reports it as missing. Raises RequestError for a file that is not Parquet or lacks a column, and for
    a name outside the folder.
    """
    row = 0
    for file in files:
        source = _opened(file, (audio, *columns))
        written = 0
        for number, values in enumerate(_rows(source, file, [audio, *columns]), 1):
            row += 1
            content = values.pop(audio) or {}
            stated = PurePosixPath(str(content.get("path") or ""))
            path = _inside(f"{name(stated.stem, values, row)}{stated.suffix or '.wav'}", f"{file}:{number}")
            written += _write(Path(folder) / path, content.get("bytes"))
            yield Extracted(path, stated.stem, values, f"{file}:{number}", row)
        _logger.info("%s: %d files written, %d were there", file, written, source.metadata.num_rows - written)


def _opened(file: Path, columns: Sequence[str]) -> pq.ParquetFile:
    try:
        source = pq.ParquetFile(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise RequestError(f"{file}: not a Parquet file ({error})") from error
    present = source.schema_arrow.names
    missing = [column for column in columns if column not in present]
    if missing:
        raise RequestError(f"{file}: columns {', '.join(missing)} are missing. Found: {', '.join(present)}.")
    kind = source.schema_arrow.field(columns[0]).type
    if not (pa.types.is_struct(kind) and {"bytes", "path"} <= {field.name for field in kind}):
        raise RequestError(f"{file}: column {columns[0]} is {kind}; expected a struct of bytes and path")
    return source


def _rows(source: pq.ParquetFile, file: Path, columns: list[str]) -> Iterator[dict[str, Any]]:
    try:
        for batch in source.iter_batches(batch_size=_ROWS_AT_ONCE, columns=columns, use_threads=False):
            yield from batch.to_pylist()
    except (pa.ArrowInvalid, OSError) as error:
        raise RequestError(f"{file}: damaged ({error})") from error


def _inside(path: str, where: str) -> str:
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\\" in path or "\0" in path:
        raise RequestError(f"{where}: the audio file would be {path!r}, outside of the folder for extracted audio")
    return parts.as_posix()


def _write(file: Path, content: bytes | None) -> bool:
    """Writes `content` unless the file exists with the same size; whether it was written."""
    if content is None or (file.is_file() and file.stat().st_size == len(content)):
        return False
    # flushing a million files to disk would take hours; an incomplete file is recognised by its size
    with replacing(file, flush=False) as temporary:
        temporary.write_bytes(content)
    return True
