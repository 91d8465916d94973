"""Pairs of codecs that a comparison is made over: by family and shared category, and matched in all but one attribute.

`pair_groups` gives the pairs of CodecFake+'s Table VIII: in one place of the taxonomy, or apart in one axis alone.
`contrasts` gives the pairs within one family whose codecs differ in a single attribute of the taxonomy, the bit rate or
training seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Literal

from grid.codecs.entry import CatalogueEntry
from grid.core.vocabulary import AXES, Axis

Attribute = Literal["qua", "aux", "dec", "bitrate_kbps", "training_seed"]
AttributeValue = str | float | int

INTRA, INTER, DISCREPANCY = "intra-family", "inter-family", "discrepancy"
NOISE_FLOOR: tuple[Attribute, ...] = ("bitrate_kbps", "training_seed")
"""Attributes outside the taxonomy: an effect of the taxonomy must exceed the differences that these cause."""
WORDS: dict[Attribute, str] = {
    "qua": "QUA",
    "aux": "AUX",
    "dec": "DEC",
    "bitrate_kbps": "bit rate",
    "training_seed": "training seed",
}
ORDER: dict[str, int] = {
    category: position
    for categories in (("Mvq", "Svq", "Scq"), ("None", "Sem", "Disent"), ("Time", "Freq"))
    for position, category in enumerate(categories)
}
"""The order of each axis: from the category that most codecs have to the rarest."""
SHARED = ("family", "group", "adapter", "native_rate", "channels", "frame_rate", "level")
"""Fields of the catalogue entry in which both codecs of a contrast must agree."""


@dataclass(frozen=True)
class PairGroup:
    """A group and its pairs of codec names, in catalogue order.

    `name` is `intra-family`, `inter-family`, `QUA discrepancy`, `AUX discrepancy` or `DEC discrepancy`. `category` is
    the family of an intra-family pair, the place in the taxonomy of an inter-family pair (`Mvq x None x Time`), the two
    categories of a discrepancy (`Mvq, Svq`), and "" for the whole group.
    """

    name: str
    category: str
    pairs: tuple[tuple[str, str], ...]


def pair_groups(entries: Iterable[CatalogueEntry]) -> tuple[PairGroup, ...]:
    """The five perspectives of CodecFake+, VIII-C, as far as they have pairs, each followed by its categories.

    A family is the set of configurations of one codec (`CatalogueEntry.codec`); the place of a codec is its QUA, AUX
    and DEC. Intra-family pairs are two configurations of one family in one place, inter-family pairs two families in
    one place. A pair of an axis' discrepancy is of two families that differ in this axis alone and agree in the other
    two, so that a difference of artefacts can be attributed to the axis. Pairs that differ in two or three axes are in
    no group. Among the 31 codecs of the paper these are 9, 46, 35 (QUA), 103 (AUX) and 60 (DEC) pairs; within a family
    two more differ in QUA alone (TiCodec) and one in DEC alone (FunCodec). A codec outside the taxonomy has
    intra-family pairs only.
    """
    pairs = list(combinations(entries, 2))
    alike = [(a, b) for a, b in pairs if _differing_axes(a, b) == []]
    inter = [(a, b) for a, b in alike if a.codec != b.codec and a.qua is not None]
    groups = [
        *_with_categories(INTRA, [(a, b) for a, b in alike if a.codec == b.codec], lambda a, b: a.codec),
        *_with_categories(INTER, inter, lambda a, b: " x ".join(str(getattr(a, axis)) for axis in AXES)),
    ]
    for axis in AXES:
        differing = [(a, b) for a, b in pairs if a.codec != b.codec and _differing_axes(a, b) == [axis]]
        groups += _with_categories(f"{axis.upper()} {DISCREPANCY}", differing, partial(_two_categories, axis))
    return tuple(groups)


def _differing_axes(a: CatalogueEntry, b: CatalogueEntry) -> list[Axis] | None:
    """The axes in which two codecs differ; None if only one of them has a place in the taxonomy."""
    if (a.qua is None) != (b.qua is None):
        return None
    return [axis for axis in AXES if getattr(a, axis) != getattr(b, axis)]


def _two_categories(axis: Axis, a: CatalogueEntry, b: CatalogueEntry) -> str:
    return ", ".join(sorted((str(getattr(a, axis)), str(getattr(b, axis))), key=ORDER.__getitem__))


def _with_categories(
    name: str,
    pairs: list[tuple[CatalogueEntry, CatalogueEntry]],
    category_of: Callable[[CatalogueEntry, CatalogueEntry], str],
) -> Iterator[PairGroup]:
    """The whole group, then one group for each category if there are several."""
    categories = list(dict.fromkeys(category_of(*pair) for pair in pairs))
    if pairs:
        yield PairGroup(name, "", tuple((a.name, b.name) for a, b in pairs))
    if len(categories) > 1:
        for category in categories:
            yield PairGroup(name, category, tuple((a.name, b.name) for a, b in pairs if category_of(a, b) == category))


@dataclass(frozen=True)
class Contrast:
    """One attribute changed from `before` to `after` within a family, and the pairs of codec names with this change."""

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
    """The contrasts of each family, ordered by attribute (QUA first, training seed last) and value.

    Families with a contrast of the taxonomy come before those with a noise floor only.

    Two codecs are a pair when they agree in all of `SHARED` and in every attribute but one, and both have a value of
    that attribute. Numbers and sizes of codebooks follow from QUA and the bit rate, so they are not compared; nor is
    what the catalogue does not hold, such as the training data.
    """
    pairs: dict[tuple[str, Attribute, AttributeValue, AttributeValue], list[tuple[str, str]]] = {}
    for first, second in combinations(entries, 2):
        if (difference := _only_difference(first, second)) is not None:
            attribute, before, after = difference
            pair = first.name, second.name
            if axis_position(before) > axis_position(after):
                before, after, pair = after, before, pair[::-1]
            pairs.setdefault((first.family, attribute, before, after), []).append(pair)
    taxonomy = [family for family, attribute, *_ in pairs if attribute not in NOISE_FLOOR]
    families = list(dict.fromkeys([*taxonomy, *(family for family, *_ in pairs)]))
    attributes = list(WORDS)
    ordered = sorted(
        pairs,
        key=lambda key: (
            families.index(key[0]),
            attributes.index(key[1]),
            axis_position(key[2]),
            axis_position(key[3]),
        ),
    )
    return tuple(Contrast(*key, pairs=tuple(pairs[key])) for key in ordered)


def exchange_words(attribute: Attribute, before: AttributeValue, after: AttributeValue) -> str:
    """A change in words, such as `QUA Mvq to Svq` or `bit rate 3 to 6 kbit/s`."""
    unit = " kbit/s" if attribute == "bitrate_kbps" else ""
    first, second = (value if isinstance(value, str) else f"{value:g}" for value in (before, after))
    return f"{WORDS[attribute]} {first} to {second}{unit}"


def attribute_value(entry: CatalogueEntry, attribute: Attribute) -> AttributeValue | None:
    """The value of an attribute; None where the catalogue has none."""
    value: AttributeValue | None = getattr(entry, attribute)
    return value


def _only_difference(
    first: CatalogueEntry, second: CatalogueEntry
) -> tuple[Attribute, AttributeValue, AttributeValue] | None:
    """The only differing attribute with its two values; None if none or several differ, or a value is not known."""
    if any(getattr(first, field) != getattr(second, field) for field in SHARED):
        return None
    values = [(attribute, attribute_value(first, attribute), attribute_value(second, attribute)) for attribute in WORDS]
    differing = [(attribute, before, after) for attribute, before, after in values if before != after]
    if len(differing) != 1:
        return None
    attribute, before, after = differing[0]
    return None if before is None or after is None else (attribute, before, after)


def axis_position(value: AttributeValue) -> float:
    """The sort key of a value: its position on its axis of the taxonomy, or the number itself."""
    return ORDER[value] if isinstance(value, str) else value
