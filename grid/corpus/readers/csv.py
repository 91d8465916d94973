"""Reads a CSV protocol with a header: columns utterance_id and path, and optionally other fields of a protocol row."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grid.codecs.catalogue import load_catalogue
from grid.core.errors import RequestError, unknown_name
from grid.core.vocabulary import BONAFIDE
from grid.corpus.protocol import Corpus, ProtocolRow, parse_key, parse_split, require_path
from grid.corpus.readers import READERS

REQUIRED = ("utterance_id", "path")
OPTIONAL = ("speaker", "source", "split", "key", "attack", "codec", "origin", "sha256", "pending")
YES, NO = "yes", "no"

_logger = logging.getLogger(__name__)


@READERS.register("csv")
def rows(path: Path, *, root: str | None = None, split: str = "test", delimiter: str | None = None) -> Corpus:
    """The rows of a CSV file, UTF-8 with or without a byte order mark.

    `root` is the folder that paths are relative to (default: the folder of the file); `split` is that of rows
    without one; `delimiter` defaults to a tab for .tsv and a comma otherwise. A row without a key is
    bonafide. Columns other than REQUIRED and OPTIONAL are ignored and logged. `pending` is yes, no or empty; `codec` of
    a pending row must be a name of the catalogue. Raises RequestError, with the line, for another codec, for an unknown
    key or split, and for a row with another number of fields than the header.
    """
    path = require_path(path, folder=False)
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n\0'):
        raise RequestError(f"option delimiter is {delimiter!r}; it must be one character, such as ',' or ';' or a tab")
    layout = _Layout(path, parse_split(split, str(path)), delimiter or ("\t" if path.suffix == ".tsv" else ","))
    layout.check_columns()
    return Corpus(root=Path(root) if root else path.parent, rows=layout.rows(), protocol=path)


@dataclass(frozen=True)
class _Layout:
    path: Path
    split: str
    delimiter: str

    def check_columns(self) -> None:
        columns = next(self._lines(), (0, []))[1]
        missing = [name for name in REQUIRED if name not in columns]
        if missing:
            raise RequestError(
                f"{self.path}: columns {', '.join(missing)} are missing. Found: {', '.join(columns) or 'nothing'}. "
                f"Expected: {', '.join(REQUIRED)}, and if known {', '.join(OPTIONAL)}."
            )
        ignored = [name for name in columns if name not in REQUIRED + OPTIONAL]
        if ignored:
            _logger.info("%s: columns ignored: %s", self.path, ", ".join(ignored))

    def rows(self) -> Iterator[ProtocolRow]:
        lines = self._lines()
        columns = next(lines)[1]
        for number, fields in lines:
            where = f"{self.path}:{number}"
            if len(fields) != len(columns):
                raise RequestError(f"{where}: {len(fields)} fields, the header has {len(columns)}")
            yield self._row(dict(zip(columns, fields, strict=True)), where, number)

    def _row(self, values: dict[str, str], where: str, number: int) -> ProtocolRow:
        return ProtocolRow(
            utterance_id=values["utterance_id"],
            path=values["path"],
            speaker=values.get("speaker", ""),
            split=parse_split(values.get("split") or self.split, where),
            key=parse_key(values.get("key") or BONAFIDE, where),
            attack=values.get("attack", ""),
            codec=values.get("codec", ""),
            origin=values.get("origin", ""),
            source=values.get("source", ""),
            sha256=values.get("sha256") or None,
            line=number,
            pending=_pending(values, where),
        )

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        """(line number, fields without surrounding spaces) of each line that is not blank, the header first."""
        with self.path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, delimiter=self.delimiter)
            try:
                for fields in reader:
                    if fields:
                        yield reader.line_num, [field.strip() for field in fields]
            except (csv.Error, UnicodeDecodeError) as error:
                raise RequestError(
                    f"{self.path}: not a CSV file in UTF-8, after line {reader.line_num}: {error}"
                ) from error


def _pending(values: dict[str, str], where: str) -> bool:
    """Whether the codec of a row has still to be applied; RequestError unless it is then in the catalogue."""
    answer = (values.get("pending") or NO).lower()
    if answer not in (YES, NO):
        raise unknown_name("value of pending", answer, (YES, NO), where=where)
    if answer == YES:
        load_catalogue().get(values.get("codec", ""), where=where)
    return answer == YES
