"""Finds the readers of corpora by name; one file of this folder reads one kind of protocol.

To add one, put a file here (`my_corpus.py` is read as `my-corpus`), or declare in another package an entry point in the
group `codecgrid.readers` whose value is the module:

    @READERS.register("my-corpus")
    def rows(path: Path, *, split: str = "test") -> Corpus:
        lines = path.read_text().splitlines()
        found = (ProtocolRow(name, f"flac/{name}.flac", split=split, line=i) for i, name in enumerate(lines, 1))
        return Corpus(root=path.parent, rows=found, protocol=path)

`path` is the protocol file or the folder of the corpus; options are keyword-only and come from the experiment file or
the command line. A reader looks into no audio: `import_corpus` does that. What is wrong with the protocol itself is a
RequestError that names file and line.
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
    taken = [p.name for p in inspect.signature(read).parameters.values() if p.kind is p.KEYWORD_ONLY]
    for name in options:
        if name not in taken:
            raise unknown_name(f"option of reader {reader!r}", name, taken)
    return read(Path(path), **options)
