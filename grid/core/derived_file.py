"""Results that are computed from other files and kept in a JSON file: only read while both are what they were.

The file has the digests of what it was made from and one of its own. One that is absent, damaged, made from other files
or from an earlier version is None to a reader, who computes the results again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from grid.core.errors import RequestError
from grid.core.identity import digest
from grid.core.store import Store

log = logging.getLogger(__name__)

EARLIER = "is of an earlier version"


class DerivedFile(BaseModel):
    """The content: `made_from` has the SHA-256 of each source by its name, `sha256` is that of the other two fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    made_from: dict[str, str]
    items: list[dict[str, Any]]
    sha256: str

    @classmethod
    def of(cls, made_from: Mapping[str, str], items: Sequence[Mapping[str, Any]]) -> DerivedFile:
        """The content with its digest."""
        sources, plain_items = dict(made_from), [dict(item) for item in items]
        return cls(made_from=sources, items=plain_items, sha256=digest([sources, plain_items], 64))

    @property
    def is_whole(self) -> bool:
        """Whether the digest is that of the content."""
        return self == DerivedFile.of(self.made_from, self.items)


def write_derived(store: Store, path: str, made_from: Mapping[str, str], items: Sequence[Mapping[str, Any]]) -> None:
    """Writes `items`, each of plain JSON values, as made from the sources whose SHA-256 is in `made_from`."""
    store.write_json(path, DerivedFile.of(made_from, items).model_dump())


def read_derived(store: Store, path: str, made_from: Mapping[str, str]) -> list[dict[str, Any]] | None:
    """The items of the file `path`, or None unless it is whole and was made from just these sources."""
    if not store.exists(path):
        return None
    found = _whole(store, path, made_from)
    if isinstance(found, DerivedFile):
        return found.items
    level = logging.INFO if found == EARLIER else logging.WARNING
    log.log(level, "%s %s; it is computed again", store.uri(path), found)
    return None


def derived_fault(store: Store, path: str, made_from: Mapping[str, str] | None) -> str:
    """What is wrong with the file `path`, "" for nothing; `made_from` None asks for its own digest alone."""
    found = _whole(store, path, made_from)
    return "" if isinstance(found, DerivedFile) else found


def _whole(store: Store, path: str, made_from: Mapping[str, str] | None) -> DerivedFile | str:
    """The content of the file, read once, or what is wrong with it."""
    try:
        content = store.read_json(path)
        if isinstance(content, list) or "sha256" not in content:
            return EARLIER
        found = DerivedFile.model_validate(content)
    except (RequestError, ValidationError):
        return "is damaged"
    if not found.is_whole:
        return "is damaged"
    return found if made_from is None or found.made_from == dict(made_from) else "was made from other scores"
