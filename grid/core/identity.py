"""Identities: canonical JSON of a value, its SHA-256 digest, and the field-by-field difference of two values."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from pydantic import BaseModel

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
DIGEST_LENGTH = 16


def plain(value: object, place: str = "$") -> Json:
    """`value` as JSON types only.

    Raises TypeError, with the place, for anything that two processes could serialise differently: keys that are no
    strings, floats that are not finite, and all other types.
    """
    if value is None or type(value) in (str, int, bool):  # most values, so first
        return value  # type: ignore[return-value]
    if isinstance(value, BaseModel):
        return plain(value.model_dump(mode="json"), place)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return plain(fields, place)
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{place}: key {key!r} is not a string")
        return {key: plain(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, f"{place}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise TypeError(f"{place}: {value!r} has no JSON form")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{place}: {type(value).__name__} cannot be part of an identity: {value!r}")


def canonical_json(value: object) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces: equal values give equal bytes in every process."""
    text = json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def digest(value: object, length: int = DIGEST_LENGTH) -> str:
    """The first `length` hexadecimal digits of the SHA-256 of the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value)).hexdigest()[:length]


def canonical_members(value: Mapping[str, object]) -> dict[str, bytes]:
    """The members of a JSON object by name, each as it is in the canonical JSON of the object: `"name":value`."""
    return {name: canonical_json({name: item})[1:-1] for name, item in value.items()}


def digest_of_members(members: Mapping[str, bytes], length: int = DIGEST_LENGTH) -> str:
    """`digest` of the object with these `canonical_members`: many objects with equal members serialise them once."""
    content = b",".join(members[name] for name in sorted(members))
    return hashlib.sha256(b"{" + content + b"}").hexdigest()[:length]


def file_digest(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, 64 hexadecimal digits."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def difference(old: object, new: object) -> list[str]:
    """One line for each field that differs, such as `recipe.epochs: 5 -> 6`; empty when the two are the same."""
    lines: list[str] = []
    _compare(plain(old), plain(new), "", lines)
    return lines


def _compare(old: Json, new: Json, place: str, lines: list[str]) -> None:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            inner = f"{place}.{key}" if place else key
            if key not in old:
                lines.append(f"{inner}: (absent) -> {json.dumps(new[key])}")
            elif key not in new:
                lines.append(f"{inner}: {json.dumps(old[key])} -> (absent)")
            else:
                _compare(old[key], new[key], inner, lines)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, pair in enumerate(zip(old, new, strict=True)):
            _compare(*pair, f"{place}[{i}]", lines)
    elif old != new or type(old) is not type(new):
        lines.append(f"{place or '$'}: {json.dumps(old)} -> {json.dumps(new)}")


def slug(text: str) -> str:
    """`text` as a file name: in lower case, with a hyphen for each run of other characters than a-z, 0-9 and dot.

    Text that loses more than its capitals gets four digits of its digest, so that different names do not share a file.
    """
    cleaned = re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")
    return cleaned if cleaned == text.lower() else f"{cleaned}-{digest(text, 4)}".lstrip("-")
