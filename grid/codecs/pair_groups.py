"""Owns the groups of pairs of codecs: of one family, of two, and alike in one axis of the taxonomy alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Literal

from grid.codecs.entry import CatalogueEntry

Axis = Literal["qua", "aux", "dec"]
AXES: tuple[Axis, ...] = ("qua", "aux", "dec")
INTRA, INTER = "intra-family", "inter-family"


@dataclass(frozen=True)
class PairGroup:
    """A group and the pairs of names in it, in the order of the entries.

    `name` is `intra-family`, `inter-family`, `QUA-specific` and so on; `category` is the family or the category that
    both codecs of every pair share, "" for the whole group.
    """

    name: str
    category: str
    pairs: tuple[tuple[str, str], ...]


def pair_groups(entries: Iterable[CatalogueEntry]) -> tuple[PairGroup, ...]:
    """The groups that have pairs, each followed by its categories where these are several.

    A family is what CodecFake+ calls one: the configurations of one codec (`CatalogueEntry.codec`). A pair is specific
    to an axis when its codecs are of different families and agree in that axis and in neither of the other two, so that
    what they share is due to it. A codec without a place in the taxonomy is in the families alone.
    """
    pairs = list(combinations(entries, 2))
    related = [(a, b) for a, b in pairs if a.codec == b.codec]
    strangers = [(a, b) for a, b in pairs if a.codec != b.codec]
    groups = [*_parted(INTRA, related, lambda entry: entry.codec), *_parted(INTER, strangers, lambda _: "")]
    for axis in AXES:
        alike = [(a, b) for a, b in strangers if _shared(a, b) == [axis]]
        groups += _parted(f"{axis.upper()}-specific", alike, partial(_word, axis))
    return tuple(groups)


def _shared(a: CatalogueEntry, b: CatalogueEntry) -> list[Axis]:
    """The axes in which two codecs agree; none where one of them has no place in the taxonomy."""
    return [axis for axis in AXES if _category(a, axis) is not None and _category(a, axis) == _category(b, axis)]


def _category(entry: CatalogueEntry, axis: Axis) -> str | None:
    found: str | None = getattr(entry, axis)
    return found


def _word(axis: Axis, entry: CatalogueEntry) -> str:
    return _category(entry, axis) or ""


def _parted(
    name: str, pairs: list[tuple[CatalogueEntry, CatalogueEntry]], word: Callable[[CatalogueEntry], str]
) -> Iterator[PairGroup]:
    """The whole group, then its categories by the word of their first codec."""
    words = list(dict.fromkeys(word(a) for a, _ in pairs))
    if pairs:
        yield PairGroup(name, "", tuple((a.name, b.name) for a, b in pairs))
    if len(words) > 1:
        for category in words:
            yield PairGroup(name, category, tuple((a.name, b.name) for a, b in pairs if word(a) == category))
