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
from typing import Any, TypeAlias

from grid.core.errors import unknown_name
from grid.core.plugins import Registry
from grid.corpus.protocol import Corpus

Reader: TypeAlias = Callable[..., Corpus]

READERS: Registry[Reader] = Registry(kind="reader", package="grid.corpus.readers")


def open_corpus(reader: str, path: str | Path, **options: Any) -> Corpus:
    """The rows that the reader called `reader` finds at `path`; RequestError for an unknown reader or option."""
    read = READERS.get(reader)
    accepted = [p.name for p in inspect.signature(read).parameters.values() if p.kind is p.KEYWORD_ONLY]
    for name in options:
        if name not in accepted:
            raise unknown_name(f"option of reader {reader!r}", name, accepted)
    return read(Path(path), **options)
