"""Checks the weights that were put into the store: each content against the SHA-256 in its description."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from grid.core.errors import RequestError
from grid.core.record import output_digest
from grid.core.stored_weights import StoredWeights
from grid.verification.damage import Damage, Reading, problem

COMMAND = "codecgrid prefetch CONFIG"


def check_weights(reading: Reading, folder: str) -> Iterator[Damage]:
    """The damage of descriptions and contents; a description whose content was deleted is damaged too."""
    for name in reading.store.names(folder):
        if name.endswith(".json"):
            yield from _described(reading, f"{folder}/{name}")


def _described(reading: Reading, path: str) -> Iterator[Damage]:
    store = reading.store
    try:
        entry = StoredWeights.model_validate(store.read_json(path))
    except (RequestError, ValidationError) as error:
        yield Damage(path, problem(error), (path,), COMMAND)
        return
    if not store.exists(entry.content):
        yield Damage(path, f"{store.uri(entry.content)} is missing", (path,), COMMAND)
    elif output_digest(store, entry.content) != entry.sha256:
        yield Damage(entry.content, "it does not have the SHA-256 of its description", (path, entry.content), COMMAND)
