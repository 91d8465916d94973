"""Owns options of readers that hold more than a word: YAML values, or text from the command line."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from grid.errors import RequestError, unknown_name


def listed(value: str | Sequence[str]) -> tuple[str, ...]:
    """The names of a list, or of a text such as `train,dev`."""
    parts = value.split(",") if isinstance(value, str) else value
    return tuple(part.strip() for part in parts if part.strip())


def chosen(value: str | Sequence[str], kind: str, choices: Collection[str]) -> tuple[str, ...]:
    """The names of `value` in the order of `choices`; RequestError for none at all and for one that is no choice."""
    names = listed(value)
    if not names:
        raise RequestError(f"option {kind}: nothing is asked for. Choices: {', '.join(choices)}.")
    for name in names:
        if name not in choices:
            raise unknown_name(kind, name, choices)
    return tuple(choice for choice in choices if choice in names)


def mapped(value: str | Mapping[str, Any] | None, option: str) -> dict[str, Any]:
    """The pairs of a mapping, or of a JSON object in a text; RequestError, naming `option`, for anything else."""
    if value is None:
        return {}
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        raise RequestError(f"option {option}: {value!r} is not JSON ({error}); {_EXAMPLE}") from error
    if not isinstance(found, Mapping):
        raise RequestError(f"option {option}: {value!r} is not a mapping; {_EXAMPLE}")
    return {str(name): item for name, item in found.items()}


_EXAMPLE = """on the command line write --option 'NAME={"key": "value"}', in an experiment file {key: value}"""
