"""Damages files of a store as a bad disk does: single bits are flipped."""

from __future__ import annotations

from grid.core.store import Store


def flip_bit(store: Store, path: str, place: float) -> None:
    """Flips the lowest bit of the byte at `place`, a share of the file's length from 0 to 1 (exclusive)."""
    flip_bit_at(store, path, int(place * len(store.read_bytes(path))))


def flip_bit_at(store: Store, path: str, byte: int, bit: int = 0) -> None:
    """Flips bit number `bit` of byte number `byte`."""
    content = bytearray(store.read_bytes(path))
    content[byte] ^= 1 << bit
    store.write_bytes(path, bytes(content))
