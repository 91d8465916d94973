"""The rows of a protocol before any audio is read, and helpers that parse its lines, keys and options."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grid.core.errors import RequestError, unknown_name
from grid.core.vocabulary import BONAFIDE, SPLITS, SPOOF

# from the protocols of ASVspoof, CodecFake, CodecFake+, speech_df_arena and their baselines; case does not matter
_SPELLINGS = {
    **dict.fromkeys(("bonafide", "bona-fide", "bona fide", "genuine", "real"), BONAFIDE),
    **dict.fromkeys(("spoof", "spoofs", "spoofing", "fake"), SPOOF),
}
_EXAMPLE = """on the command line write --option 'NAME={"key": "value"}', in an experiment file {key: value}"""


@dataclass(frozen=True)
class ProtocolRow:
    """One utterance of a protocol.

    `path` is relative to the corpus root; `key` is bonafide or spoof; `attack` and `codec` are "" for none; `origin` is
    the utterance_id of the recording it was made from, "" for itself; `sha256` is of the file's bytes, None if the
    protocol does not state it; `line` is its line in the protocol, 0 for none. The path of a `pending` row is its
    recording, to which rendering applies `codec`.
    """

    utterance_id: str
    path: str
    speaker: str = ""
    split: str = "test"
    key: str = BONAFIDE
    attack: str = ""
    codec: str = ""
    origin: str = ""
    source: str = ""
    sha256: str | None = None
    line: int = 0
    pending: bool = False


@dataclass(frozen=True)
class Corpus:
    """A corpus whose audio is not read yet: the folder its paths are relative to, and its rows in protocol order.

    `rows` may be a generator, which can be iterated once. `protocol` is the file or folder the rows come from.
    `disjoint_speakers` is the source of the promise that each speaker is in one split only, "" for no promise.
    """

    root: Path
    rows: Iterable[ProtocolRow]
    protocol: Path
    disjoint_speakers: str = ""


def parse_key(spelling: str, where: str) -> str:
    """`bonafide` or `spoof` for any known spelling; RequestError, with `where` (file:line), for another one."""
    key = _SPELLINGS.get(spelling.strip().lower())
    if key is None:
        raise unknown_name("key", spelling, _SPELLINGS, where=where)
    return key


def parse_split(name: str, where: str) -> str:
    """`name` if it is train, dev or test, else RequestError with `where`."""
    if name not in SPLITS:
        raise unknown_name("split", name, SPLITS, where=where)
    return name


def require_path(path: str | Path, *, folder: bool) -> Path:
    """`path` if it is a folder (`folder=True`) or a file (`folder=False`), else RequestError."""
    path = Path(path)
    if not (path.is_dir() if folder else path.is_file()):
        actual = "it is a file" if path.is_file() else "it is a folder" if path.is_dir() else "there is nothing"
        raise RequestError(f"{path}: expected {'a folder' if folder else 'a file'}, {actual}")
    return path


@dataclass(frozen=True)
class Line:
    """The fields of one line; `where` is `file:number`, counting lines from 1."""

    fields: tuple[str, ...]
    number: int
    where: str


def protocol_lines(
    path: Path, sizes: Collection[int], *, id_field: int, separator: str | None = None
) -> Iterator[Line]:
    """The lines of `path` that are not blank, split at `separator` (None: at any white space).

    Raises RequestError, with the line, for a number of fields that is not among `sizes`, and for a field number
    `id_field` that an earlier line has.
    """
    seen: dict[str, int] = {}
    for number, text in _numbered(require_path(path, folder=False)):
        fields = tuple(field.strip() for field in text.split(separator))
        where = f"{path}:{number}"
        if len(fields) not in sizes:
            boundary = "white space" if separator is None else repr(separator)
            expected = " or ".join(str(size) for size in sorted(sizes))
            raise RequestError(f"{where}: {len(fields)} fields between {boundary}, expected {expected}: {text[:100]!r}")
        first = seen.setdefault(fields[id_field], number)
        if first != number:
            raise RequestError(f"{where}: {fields[id_field]!r} was in line {first} before; it may come only once")
        yield Line(fields, number, where)


def check_attack(key: str, attack: str, where: str) -> None:
    """RequestError, with `where`, unless a spoof has an attack and a bona fide utterance has none."""
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


def parse_names(value: str | Sequence[str]) -> tuple[str, ...]:
    """The names of a sequence, or of a text such as `train,dev`."""
    parts = value.split(",") if isinstance(value, str) else value
    return tuple(part.strip() for part in parts if part.strip())


def parse_choices(value: str | Sequence[str], kind: str, choices: Collection[str]) -> tuple[str, ...]:
    """The names of `value` in the order of `choices`; RequestError for no name at all and for an unknown one."""
    names = parse_names(value)
    if not names:
        raise RequestError(f"option {kind}: nothing is asked for. Choices: {', '.join(choices)}.")
    for name in names:
        if name not in choices:
            raise unknown_name(kind, name, choices)
    return tuple(choice for choice in choices if choice in names)


def parse_mapping(value: str | Mapping[str, Any] | None, option: str) -> dict[str, Any]:
    """The pairs of a mapping, or of a text with a JSON object; RequestError, with `option`, for anything else."""
    if value is None:
        return {}
    try:
        pairs = json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        raise RequestError(f"option {option}: {value!r} is not JSON ({error}); {_EXAMPLE}") from error
    if not isinstance(pairs, Mapping):
        raise RequestError(f"option {option}: {value!r} is not a mapping; {_EXAMPLE}")
    return {str(name): item for name, item in pairs.items()}
