"""Readers of corpora: their registry; each module reads one kind of protocol.

To add a reader, add a module here (`my_corpus.py` is the reader `my-corpus`), or declare an entry point in the group
`codecgrid.readers` in another package, whose value is the module:

    @READERS.register("my-corpus")
    def rows(path: Path, *, split: str = "test") -> Corpus:
        lines = path.read_text().splitlines()
        protocol = (ProtocolRow(name, f"flac/{name}.flac", split=split, line=i) for i, name in enumerate(lines, 1))
        return Corpus(root=path.parent, rows=protocol, protocol=path)

`path` is the protocol file or the folder of the corpus; options are keyword-only and come from the experiment file or
the command line. A reader reads no audio: `import_corpus` does that. It raises RequestError, with file and line, for
errors of the protocol.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, get_type_hints

from pydantic import TypeAdapter, ValidationError

from grid.core.errors import RequestError, unknown_name
from grid.core.plugins import Registry
from grid.corpus.protocol import Corpus

Reader: TypeAlias = Callable[..., Corpus]

_KINDS = {
    "string_type": "a text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "mapping_type": "a mapping of names to values",
    "dict_type": "a mapping of names to values",
    "is_instance_of": "a list of texts",
    "none_required": "null",
}
"""Pydantic's kinds of errors in a user's words."""

READERS: Registry[Reader] = Registry(kind="reader", package="grid.corpus.readers")


def open_corpus(reader: str, path: str | Path, **options: Any) -> Corpus:
    """The rows that the reader called `reader` finds at `path`.

    Raises RequestError for an unknown reader, an unknown option, and one that is not of the type the reader declares.
    """
    read = READERS.get(reader)
    accepted = [p.name for p in inspect.signature(read).parameters.values() if p.kind is p.KEYWORD_ONLY]
    types = get_type_hints(read)
    for name, value in options.items():
        if name not in accepted:
            raise unknown_name(f"option of reader {reader!r}", name, accepted)
        _require_type(value, types.get(name, Any), f"option {name} of reader {reader!r}")
    return read(Path(path), **options)


def _require_type(value: object, declared: Any, what: str) -> None:
    try:
        TypeAdapter(declared).validate_python(value, strict=True)
    except ValidationError as error:
        expected = dict.fromkeys(_KINDS.get(fault["type"], fault["type"]) for fault in error.errors())
        raise RequestError(f"{what} is {value!r}; it must be {' or '.join(expected)}") from error
