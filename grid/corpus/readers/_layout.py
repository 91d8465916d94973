"""Owns where a reader looks for the audio of a row: a pattern such as `{codec}/{file}` under the corpus root."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence

from grid.errors import RequestError, unknown_name


def layout_of(pattern: str, fields: Sequence[str]) -> Callable[..., str]:
    """The function that fills `pattern`; it takes `fields` by name. RequestError for a field that does not exist."""
    try:
        used = [name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None]
    except ValueError as error:
        raise RequestError(f"layout {pattern!r}: {error}") from error
    for name in used:
        if name not in fields:
            raise unknown_name("field", name, fields, where=f"layout {pattern!r}")
    return pattern.format
