"""Damages files: single bits as a bad disk does, or bytes in any way, to try a loader with."""

from __future__ import annotations

import random

from grid.core.store import Store


def flip_bit(store: Store, path: str, place: float) -> None:
    """Flips the lowest bit of the byte at `place`, a share of the file's length from 0 to 1 (exclusive)."""
    flip_bit_at(store, path, int(place * len(store.read_bytes(path))))


def flip_bit_at(store: Store, path: str, byte: int, bit: int = 0) -> None:
    """Flips bit number `bit` of byte number `byte`."""
    content = bytearray(store.read_bytes(path))
    content[byte] ^= 1 << bit
    store.write_bytes(path, bytes(content))


def damaged(content: bytes, draw: random.Random) -> bytes:
    """`content` cut, or with some bytes replaced, left out or put in, half of the time among the first 64."""
    changed = bytearray(content)
    for _ in range(draw.choice((1, 2, 5))):
        place = draw.randrange(min(len(changed), draw.choice((64, len(changed)))) or 1)
        kind = draw.randrange(4)
        if kind == 0:
            changed[place : place + 1] = draw.randbytes(1)
        elif kind == 1:
            del changed[place : place + draw.randrange(1, 8)]
        elif kind == 2:
            changed[place:place] = draw.randbytes(draw.randrange(1, 8))
        else:
            del changed[place:]
    return bytes(changed)
