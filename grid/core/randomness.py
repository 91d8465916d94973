"""The only source of randomness of the project: generators seeded by their purpose, independent of earlier draws."""

from __future__ import annotations

import hashlib

import numpy as np

from grid.core.identity import canonical_json

SeedPart = str | int | bool


def seed_number(*parts: SeedPart) -> int:
    """A number in 0 .. 2^63 - 1 made from `parts`, for libraries that take an integer seed (`torch.manual_seed`)."""
    return int.from_bytes(_hash(parts)[:8], "big") >> 1


def generator(*parts: SeedPart) -> np.random.Generator:
    """The NumPy generator that belongs to `parts`, such as `generator("crop", seed, epoch, utterance_id)`.

    It is seeded with the 256 bits of the SHA-256 of the parts' canonical JSON: equal parts give equal draws in every
    process and on every machine, whatever was drawn before and however many workers there are. The first part says
    what the draws are for, so that two uses of one (seed, epoch, utterance) stay independent. The type counts: `1`
    and `"1"` are different parts. A part that is no str, int or bool (a float, a NumPy number) raises TypeError.
    """
    return np.random.default_rng(int.from_bytes(_hash(parts), "big"))


def _hash(parts: tuple[SeedPart, ...]) -> bytes:
    for part in parts:
        if not isinstance(part, str | int):
            raise TypeError(f"{type(part).__name__} cannot seed a generator: {part!r}; use str or int")
    return hashlib.sha256(canonical_json(list(parts))).digest()
