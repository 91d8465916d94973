"""Reads CDD in the Parquet form of Hugging Face (Flux9665/CodecDeepfakeDetection), and datasets of the same form.

The column names of that dataset could not be verified, so the option `columns` states them.
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
from grid.corpus.protocol import Corpus, ProtocolRow, parse_mapping, parse_split
from grid.corpus.readers import READERS
from grid.corpus.readers.shared.cdd_names import CddNames, attacker_name, recording_of
from grid.corpus.readers.shared.parquet_audio import Extracted, extracted, parquet_files

COLUMNS = ("audio", "id", "speaker", "label", "attack", "codec", "origin", "source", "split")

# names of splits on the hub, as values of a column and as prefixes of file names
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
    """The rows of a Parquet file, or of all in a folder, sorted by name; their audio is written to `extract`, once.

    `columns` maps COLUMNS to the names in the file; a column that it leaves out has its own name, or is absent. `audio`
    and `label` are required; `id` may be several columns, such as ["utt", "codec"], joined with `~` (default: the name
    of the audio file). Without a column for the split the file name states it: train-*, validation-* (or dev-*),
    test-*. Labels are words, or class numbers that the file's metadata names or that `labels` maps, such as
    {"0": "spoof", "1": "bonafide"}. `attack` and `codec` are interpreted with `codecs` and `generators` as in the
    reader `cdd`; CoRS has key bonafide. Lines count rows over all files, from 1.

    Raises RequestError for missing columns, with those present, and with file and row for an unknown split or label and
    for a repeated id.
    """
    if not extract:
        raise RequestError(
            "cdd-parquet: the option extract is missing: the folder for 20 GB of audio, "
            "such as --option extract=/data/cdd"
        )
    folder = Path(extract)
    files = parquet_files(path)
    options = _Options(
        names=CddNames.declared(codecs, generators),
        columns=_columns(columns),
        labels={name: str(word) for name, word in parse_mapping(labels, "labels").items()},
    )
    tables = [options.table(file) for file in files]
    folder.mkdir(parents=True, exist_ok=True)
    return Corpus(root=folder, rows=_rows(tables, folder), protocol=path)


def _columns(option: str | Mapping[str, Any] | None) -> dict[str, Any]:
    columns = parse_mapping(option, "columns")
    for name in columns:
        if name not in COLUMNS:
            raise unknown_name("column", name, COLUMNS, where="option columns")
    return columns


@dataclass(frozen=True)
class _Options:
    """The options of the reader, which are the same for all files."""

    names: CddNames
    columns: Mapping[str, Any]
    labels: Mapping[str, str]

    def table(self, file: Path) -> _Table:
        """The file with its columns resolved; RequestError if it is not Parquet or lacks a column."""
        try:
            schema = pq.read_schema(file)
        except (pa.ArrowInvalid, OSError) as error:
            raise RequestError(f"{file}: not a Parquet file ({error})") from error
        resolved: dict[str, tuple[str, ...]] = {}
        for name in COLUMNS:
            option = self.columns.get(name, name)
            in_file = tuple(option) if isinstance(option, list | tuple) else (str(option),)
            missing = [column for column in in_file if column not in schema.names]
            if not missing:
                resolved[name] = in_file
            elif name in self.columns or name in ("audio", "label"):
                raise RequestError(
                    f"{file}: no column {missing[0]!r} for {name}. Found: {', '.join(schema.names)}. "
                    f'Say what it is called: --option \'columns={{"{name}": "COLUMN"}}\''
                )
        return _Table(file, self, resolved, _classes(schema))


@dataclass(frozen=True)
class _Table:
    """One file: the names of its columns, and the class names of those with class numbers."""

    file: Path
    options: _Options
    columns: Mapping[str, tuple[str, ...]]
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def text(self, name: str, values: Mapping[str, Any]) -> str:
        """The column as text, "" where it is absent or empty; a class number as the name of the class."""
        parts = []
        for column in self.columns.get(name, ()):
            value, names = values.get(column), self.classes.get(column, ())
            if isinstance(value, int) and 0 <= value < len(names):
                parts.append(names[value])
            elif value is not None:
                parts.append(str(value))
        return "~".join(part for part in parts if part)

    def id(self, stem: str, values: Mapping[str, Any], row: int) -> str:
        """The utterance id: that of the row, else the stem of the audio file, else the number of the row."""
        return self.text("id", values) or stem or f"row-{row}"

    def split(self, values: Mapping[str, Any], where: str) -> str:
        """The split of the row, else that of the file name."""
        name = self.text("split", values) or self.file.name.split("-")[0]
        return _SPLITS[name] if name in _SPLITS else parse_split(name, where)

    def row(self, item: Extracted, line: int) -> ProtocolRow:
        values, options = item.values, self.options
        label = self.text("label", values)
        label = options.labels.get(label, label)
        if label.isdecimal():
            raise RequestError(
                f"{item.where}: label {label} is a number, and the file does not name its classes; "
                '--option \'labels={"0": "spoof", "1": "bonafide"}\', or the other way round'
            )
        codec = self.text("codec", values)
        kind = options.names.kind(label, attacker_name(self.text("attack", values)) or codec, codec, item.where)
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
        for item in extracted([table.file], folder, others, name=files.namer(table, done), audio=audio):
            yield table.row(item, done + item.row)


@dataclass(frozen=True)
class _Names:
    """Names the audio files; `rows` has the first row of each id over all files."""

    rows: dict[str, str] = field(default_factory=dict)

    def namer(self, table: _Table, done: int) -> Callable[[str, dict[str, Any], int], str]:
        """The function `name` of `extracted`; `done` is the number of rows before those of `table`."""

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
    """The class names of the columns of type ClassLabel, which the `datasets` library stores in the file's metadata."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError):
        return {}
    return {name: list(f["names"]) for name, f in features.items() if isinstance(f, dict) and "names" in f}
