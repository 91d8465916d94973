"""Owns the lines of protocols that have no header: their fields, where they stand, and ids that may come only once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from grid.corpus.manifest import BONAFIDE
from grid.corpus.protocol import existing
from grid.errors import RequestError


@dataclass(frozen=True)
class Line:
    """The fields of one line; `where` is `file:number`, counting lines from 1."""

    fields: tuple[str, ...]
    number: int
    where: str


def protocol_lines(
    path: Path, sizes: Collection[int], *, id_field: int, separator: str | None = None
) -> Iterator[Line]:
    """The lines of `path` that are not blank, cut at `separator` (None: at any white space).

    Raises RequestError, with the line, for a line whose number of fields is not among `sizes`, and for one whose field
    `id_field` an earlier line has.
    """
    seen: dict[str, int] = {}
    for number, text in _numbered(existing(path, folder=False)):
        fields = tuple(field.strip() for field in text.split(separator))
        where = f"{path}:{number}"
        if len(fields) not in sizes:
            cut = "white space" if separator is None else repr(separator)
            wanted = " or ".join(str(size) for size in sorted(sizes))
            raise RequestError(f"{where}: {len(fields)} fields between {cut}, expected {wanted}: {text[:100]!r}")
        first = seen.setdefault(fields[id_field], number)
        if first != number:
            raise RequestError(f"{where}: {fields[id_field]!r} was in line {first} before; it may come only once")
        yield Line(fields, number, where)


def check_attack(key: str, attack: str, where: str) -> None:
    """RequestError, naming `where`, unless a spoof has an attack and a bona fide utterance has none."""
    if (key == BONAFIDE) == bool(attack):
        raise RequestError(f"{where}: key {key!r} does not go with attack {attack or '-'!r}")


def _numbered(path: Path) -> Iterator[tuple[int, str]]:
    with path.open(encoding="utf-8-sig") as stream:
        try:
            for number, text in enumerate(stream, 1):
                if text.strip():
                    yield number, text.rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise RequestError(f"{path}: not a text in UTF-8: {error}") from error
