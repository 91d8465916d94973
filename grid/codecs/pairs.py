"""Owns the groups of pairs of codecs: of one family, of two, and alike in one axis of the taxonomy alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Literal

from grid.codecs.entry import CatalogueEntry
from grid.core.vocabulary import Axis

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


Attribute = Literal["qua", "aux", "dec", "bitrate_kbps", "training_seed"]
AttributeValue = str | float | int
NOISE_FLOOR: tuple[Attribute, ...] = ("bitrate_kbps", "training_seed")
"""No attributes of the taxonomy: what changes with these is what an effect of one has to stand out from."""
WORDS: dict[Attribute, str] = {
    "qua": "QUA",
    "aux": "AUX",
    "dec": "DEC",
    "bitrate_kbps": "bit rate",
    "training_seed": "training seed",
}
ORDER: dict[str, int] = {
    word: place
    for axis in (("Mvq", "Svq", "Scq"), ("None", "Sem", "Disent"), ("Time", "Freq"))
    for place, word in enumerate(axis)
}
"""An axis is read from the category that most codecs have; numbers rise."""
SHARED = ("family", "group", "adapter", "native_rate", "channels", "frame_rate", "level")


@dataclass(frozen=True)
class Contrast:
    """One attribute of a family changed from `before` to `after`, and the pairs of codecs (names) that show it."""

    family: str
    attribute: Attribute
    before: AttributeValue
    after: AttributeValue
    pairs: tuple[tuple[str, str], ...]

    @property
    def is_noise_floor(self) -> bool:
        return self.attribute in NOISE_FLOOR

    @property
    def words(self) -> str:
        return exchange_words(self.attribute, self.before, self.after)


def contrasts(entries: Iterable[CatalogueEntry]) -> tuple[Contrast, ...]:
    """The contrasts of each family, by attribute (QUA first, training seed last) and value.

    Families with a contrast of the taxonomy come before those that have nothing but a noise floor.

    Two codecs are a pair when they agree in all of `SHARED` and in every attribute but one, and both have a value of
    that. Numbers of codebooks and sizes follow from QUA and the bit rate, so they are not asked; what the catalogue
    does not know of (training data, say) is not either.
    """
    found: dict[tuple[str, Attribute, AttributeValue, AttributeValue], list[tuple[str, str]]] = {}
    for one, other in combinations(entries, 2):
        if (difference := _only_difference(one, other)) is not None:
            attribute, before, after = difference
            pair = one.name, other.name
            if place(before) > place(after):
                before, after, pair = after, before, pair[::-1]
            found.setdefault((one.family, attribute, before, after), []).append(pair)
    taxonomy = [family for family, attribute, *_ in found if attribute not in NOISE_FLOOR]
    families = list(dict.fromkeys([*taxonomy, *(family for family, *_ in found)]))
    attributes = list(WORDS)
    ordered = sorted(
        found, key=lambda key: (families.index(key[0]), attributes.index(key[1]), place(key[2]), place(key[3]))
    )
    return tuple(Contrast(*key, pairs=tuple(found[key])) for key in ordered)


def exchange_words(attribute: Attribute, before: AttributeValue, after: AttributeValue) -> str:
    """`QUA Mvq to Svq`, `bit rate 3 to 6 kbit/s`."""
    unit = " kbit/s" if attribute == "bitrate_kbps" else ""
    first, second = (value if isinstance(value, str) else f"{value:g}" for value in (before, after))
    return f"{WORDS[attribute]} {first} to {second}{unit}"


def value_of(entry: CatalogueEntry, attribute: Attribute) -> AttributeValue | None:
    """What a codec has of an attribute; None where the catalogue knows none."""
    found: AttributeValue | None = getattr(entry, attribute)
    return found


def _only_difference(
    one: CatalogueEntry, other: CatalogueEntry
) -> tuple[Attribute, AttributeValue, AttributeValue] | None:
    """The attribute and its two values; None where more differs, or nothing, or a value is not known."""
    if any(getattr(one, field) != getattr(other, field) for field in SHARED):
        return None
    values = [(attribute, value_of(one, attribute), value_of(other, attribute)) for attribute in WORDS]
    differing = [(attribute, first, second) for attribute, first, second in values if first != second]
    if len(differing) != 1:
        return None
    attribute, first, second = differing[0]
    return None if first is None or second is None else (attribute, first, second)


def place(value: AttributeValue) -> float:
    """Where a value stands on its axis."""
    return ORDER[value] if isinstance(value, str) else value
