"""A YAML file read and parsed within bounds: whatever the file is, the answer comes within a second, in little memory.

A file of some hundred bytes can stand for gigabytes (aliases of aliases), for a number that takes minutes to convert,
or for a tree that is deeper than a program's stack. The bounds are far above any file of this project: its largest one,
the codec catalogue, has 115 kB, 5,700 values and 6 levels.
"""

from __future__ import annotations

import math
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from grid.core.errors import RequestError, one_line

LARGEST_FILE = 2**20
"""Bytes of a file."""
MOST_VALUES = 50_000
"""Keys and values of a file, those of an alias counted again wherever it stands."""
DEEPEST = 50
"""Levels of mappings and lists in each other."""
LONGEST_NUMBER = 100
"""Characters of a number."""

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Constructs plain values only. libyaml's loader reads the codec catalogue in 0.1 s, the Python one in 1 s."""

PREFIX = "tag:yaml.org,2002:"
FLOAT = f"{PREFIX}float"
"""The tag of a number with a decimal point, an exponent, .inf or .nan."""
PLAIN = tuple(f"{PREFIX}{name}" for name in ("map", "seq", "str", "int", "float", "bool", "null", "merge"))
"""The tags of values that JSON has too: no dates, sets or bytes."""
_NUMBERS = (f"{PREFIX}int", FLOAT)


def compose(file: Path) -> yaml.Node | None:
    """The tree of nodes of a YAML file, which have line numbers; None for an empty file.

    Raises RequestError when it is absent, no regular file, no UTF-8, not valid YAML, or beyond a bound of this module.
    """
    text = _read(file)
    try:
        _check_bounds(text, file)
        node: yaml.Node | None = LOADER(text).get_single_node()
    except yaml.YAMLError as error:
        raise RequestError(f"{file} is not valid YAML: {_explained(error)}") from error
    if node is not None:
        _check_numbers(node, file)
    return node


def construct(node: yaml.Node | None, file: Path) -> Any:
    """The plain Python values of a tree of `file`, which it may change; RequestError for a value that has none."""
    if node is None:
        return None
    try:
        return LOADER("").construct_document(node)
    except yaml.YAMLError as error:
        raise RequestError(f"{file} is not valid YAML: {_explained(error)}") from error
    except (ValueError, KeyError, AttributeError) as error:  # what PyYAML raises for 2024-13-01 and `!!bool x`
        raise RequestError(f"{file} is not valid YAML: a value is not of its kind: {one_line(error)}") from error


def is_finite(text: str) -> bool:
    """Whether the text of a node with the tag FLOAT is finite; .inf, .nan and 1e999 are not."""
    try:
        return math.isfinite(float(text.replace("_", "")))
    except ValueError:  # the spellings .inf and .nan, or a sexagesimal number such as 1:30.5
        return ":" in text


def _read(file: Path) -> str:
    try:
        information = file.stat()
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL character
        raise RequestError(f"cannot read {file}: {getattr(error, 'strerror', error)}") from error
    if not (stat.S_ISREG(information.st_mode) or stat.S_ISDIR(information.st_mode)):
        raise RequestError(f"cannot read {file}: it is no regular file but a pipe, a socket or a device")
    try:
        with file.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise RequestError(f"cannot read {file}: it has more than {LARGEST_FILE:,} bytes; is it the file you mean?")
        return content.decode("utf-8")
    except OSError as error:
        raise RequestError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RequestError(f"cannot read {file}: {error}") from error


def _check_bounds(text: str, file: Path) -> None:
    """RequestError when the document is too deep or too large; reads its events, before any value is made."""
    size_of_anchor: dict[str | None, int] = {}
    open_collections: list[tuple[str | None, int]] = []  # the anchor of each, and the values before it
    values = 0
    event: Any
    for event in yaml.parse(text, Loader=LOADER):
        where = f"{file}:{event.start_mark.line + 1}"
        if isinstance(event, yaml.CollectionStartEvent):
            open_collections.append((event.anchor, values))
            values += 1
        elif isinstance(event, yaml.ScalarEvent):
            values += 1
            if event.anchor:
                size_of_anchor[event.anchor] = 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_collections.pop()
            if anchor:
                size_of_anchor[anchor] = values - before
        elif isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _ in open_collections):
                raise RequestError(f"{where}: the alias *{event.anchor} stands inside of what it stands for")
            values += size_of_anchor.get(event.anchor, 1)  # the loader refuses an unknown one
        if len(open_collections) > DEEPEST:
            raise RequestError(f"{where}: more than {DEEPEST} levels of mappings and lists in each other")
        if values > MOST_VALUES:
            raise RequestError(f"{where}: more than {MOST_VALUES:,} values, those of aliases counted where they stand")


def _check_numbers(root: yaml.Node, file: Path) -> None:
    for node in _scalars(root):
        if node.tag in _NUMBERS and len(node.value) > LONGEST_NUMBER:
            raise RequestError(
                f"{file}:{node.start_mark.line + 1}: a number of {len(node.value):,} characters, {node.value[:10]}...; "
                f"at most {LONGEST_NUMBER}"
            )


def _scalars(root: yaml.Node) -> Iterator[yaml.ScalarNode]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.ScalarNode):
            yield node
        elif isinstance(node, yaml.MappingNode):
            waiting += [part for pair in node.value for part in pair]
        else:
            waiting += node.value


def _explained(error: yaml.YAMLError) -> str:
    """The problem and its line, without the excerpts that PyYAML adds."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return one_line(error, kind=False)
    words = [getattr(error, "context", None), getattr(error, "problem", None)]
    return f"{' '.join(' '.join(filter(None, words)).split())} (line {mark.line + 1}, column {mark.column + 1})"
