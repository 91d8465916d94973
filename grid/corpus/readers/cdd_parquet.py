"""Reads CDD as Hugging Face has it (Flux9665/CodecDeepfakeDetection), and datasets like it: Parquet with audio.

What the columns of that dataset are called was not known here, so the option `columns` says it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from grid.core.errors import RequestError, unknown_name
from grid.corpus.protocol import Corpus, ProtocolRow, mapped, parse_split
from grid.corpus.readers import READERS
from grid.corpus.readers.shared.cdd_names import CddNames, named, recording_of
from grid.corpus.readers.shared.parquet_audio import Extracted, extracted, parquet_files

COLUMNS = ("audio", "id", "speaker", "label", "attack", "codec", "origin", "source", "split")

# hub names of splits besides ours, as values of a column and as beginnings of file names
_SPLITS = {"train": "train", "dev": "dev", "validation": "dev", "valid": "dev", "test": "test", "eval": "test"}


@READERS.register("cdd-parquet")
def rows(
    path: Path,
    *,
    extract: str = "",
    columns: str | Mapping[str, Any] | None = None,
    labels: str | Mapping[str, str] | None = None,
    codecs: str | Mapping[str, str] | None = None,
    generators: str | Mapping[str, str] | None = None,
) -> Corpus:
    """The rows of a Parquet file, or of all in a folder, by name; their audio becomes files in `extract`, once.

    `columns` maps COLUMNS to the names in the file; a column it leaves out has its own name here, or is not there.
    `audio` and `label` must be; `id` may be several columns, such as ["utt", "codec"], joined with `~` (default: the
    name of the audio's file). Where there is no column for the split, the file's name says it: train-*, validation-*
    (or dev-*), test-*. Labels are spelt out, or are numbers of classes that the file names, or that `labels` maps, such
    as {"0": "spoof", "1": "bonafide"}. `attack` and `codec` are read with `codecs` and `generators` as in the reader
    `cdd`; CoRS is bona fide by key. Lines count rows over all files, from 1.

    Raises RequestError for columns that are not there, naming those that are, and with file and row for a split or a
    label that is not known and for an id that comes twice.
    """
    if not extract:
        raise RequestError(
            "cdd-parquet: the option extract is missing: the folder for 20 GB of audio, "
            "such as --option extract=/data/cdd"
        )
    folder = Path(extract)
    files = parquet_files(path)
    reading = _Reading(
        names=CddNames.declared(codecs, generators),
        columns=_columns(columns),
        labels={name: str(word) for name, word in mapped(labels, "labels").items()},
    )
    tables = [reading.of(file) for file in files]
    folder.mkdir(parents=True, exist_ok=True)
    return Corpus(root=folder, rows=_rows(tables, folder), protocol=path)


def _columns(given: str | Mapping[str, Any] | None) -> dict[str, Any]:
    found = mapped(given, "columns")
    for name in found:
        if name not in COLUMNS:
            raise unknown_name("column", name, COLUMNS, where="option columns")
    return found


@dataclass(frozen=True)
class _Reading:
    """What the options say, for all files."""

    names: CddNames
    columns: Mapping[str, Any]
    labels: Mapping[str, str]

    def of(self, file: Path) -> _Table:
        """The file with its columns found; RequestError for what is not Parquet and for columns that are not there."""
        try:
            schema = pq.read_schema(file)
        except (pa.ArrowInvalid, OSError) as error:
            raise RequestError(f"{file}: not a Parquet file ({error})") from error
        found: dict[str, tuple[str, ...]] = {}
        for name in COLUMNS:
            given = self.columns.get(name, name)
            wanted = tuple(given) if isinstance(given, list | tuple) else (str(given),)
            missing = [column for column in wanted if column not in schema.names]
            if not missing:
                found[name] = wanted
            elif name in self.columns or name in ("audio", "label"):
                raise RequestError(
                    f"{file}: no column {missing[0]!r} for {name}. Found: {', '.join(schema.names)}. "
                    f'Say what it is called: --option \'columns={{"{name}": "COLUMN"}}\''
                )
        return _Table(file, self, found, _classes(schema))


@dataclass(frozen=True)
class _Table:
    """One file: where its columns are, and the words of those that hold numbers of classes."""

    file: Path
    reading: _Reading
    columns: Mapping[str, tuple[str, ...]]
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def text(self, name: str, values: Mapping[str, Any]) -> str:
        """The column as text, "" where it is absent or empty; a number of a class as its word."""
        parts = []
        for column in self.columns.get(name, ()):
            value, words = values.get(column), self.classes.get(column, ())
            if isinstance(value, int) and 0 <= value < len(words):
                parts.append(words[value])
            elif value is not None:
                parts.append(str(value))
        return "~".join(part for part in parts if part)

    def id(self, stem: str, values: Mapping[str, Any], row: int) -> str:
        return self.text("id", values) or stem or f"row-{row}"

    def split(self, values: Mapping[str, Any], where: str) -> str:
        """Of the row, else of the file's name."""
        name = self.text("split", values) or self.file.name.split("-")[0]
        return _SPLITS[name] if name in _SPLITS else parse_split(name, where)

    def row(self, item: Extracted, line: int) -> ProtocolRow:
        values, reading = item.values, self.reading
        label = self.text("label", values)
        label = reading.labels.get(label, label)
        if label.isdecimal():
            raise RequestError(
                f"{item.where}: label {label} is a number, and the file does not name its classes; "
                '--option \'labels={"0": "spoof", "1": "bonafide"}\', or the other way round'
            )
        codec = self.text("codec", values)
        kind = reading.names.kind(label, named(self.text("attack", values)) or codec, codec, item.where)
        utterance = self.id(item.stem, values, line)
        return ProtocolRow(
            utterance_id=utterance,
            path=item.path,
            speaker=self.text("speaker", values),
            split=self.split(values, item.where),
            key=kind.key,
            attack=kind.attack,
            codec=kind.codec,
            origin=self.text("origin", values) or recording_of(kind, utterance, item.stem),
            source=self.text("source", values) or "cdd",
            line=line,
        )


def _rows(tables: Sequence[_Table], folder: Path) -> Iterator[ProtocolRow]:
    files = _Names()
    for table in tables:
        done = len(files.rows)
        others = sorted({column for name in table.columns.keys() - {"audio"} for column in table.columns[name]})
        audio = table.columns["audio"][0]
        for item in extracted([table.file], folder, others, name=files.of(table, done), audio=audio):
            yield table.row(item, done + item.row)


@dataclass(frozen=True)
class _Names:
    """The names of the audio files, and the row that each id was met in, over all files."""

    rows: dict[str, str] = field(default_factory=dict)

    def of(self, table: _Table, done: int) -> Callable[[str, dict[str, Any], int], str]:
        """The function that `extracted` asks for a name before it writes; `done` rows came before those of `table`."""

        def name(stem: str, values: dict[str, Any], row: int) -> str:
            where, utterance = f"{table.file}:{row}", table.id(stem, values, done + row)
            first = self.rows.setdefault(utterance, where)
            if first != where:
                raise RequestError(
                    f"{where}: id {utterance!r} was in {first} before; let more columns make the id: "
                    '--option \'columns={"id": ["COLUMN", "COLUMN"]}\''
                )
            return f"{table.split(values, where)}/{utterance}"

        return name


def _classes(schema: pa.Schema) -> dict[str, list[str]]:
    """The words of the columns of type ClassLabel, which the `datasets` library keeps in the file's metadata."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError):
        return {}
    return {name: list(f["names"]) for name, f in features.items() if isinstance(f, dict) and "names" in f}
