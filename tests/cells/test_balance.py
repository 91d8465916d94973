"""Balanced selections: the counts of the published files, codecs drawn uniformly, independent of order."""

from __future__ import annotations

from collections import Counter

import pytest

from grid.cells.balance import Balance, assign_codecs, balance_of
from grid.codecs.catalogue import load_catalogue
from grid.core.errors import RequestError
from grid.core.vocabulary import Axis

CODECFAKE_PLUS = [entry.name for entry in load_catalogue() if entry.letters.codecfake_plus]
TRAIN, TEST = 42_965, 755
"""Recordings of CodecFake+ in the splits of CodecFake-Source-Tracing."""


def utterances(count: int) -> list[str]:
    return [f"p{number // 400 + 225}_{number % 400:03d}" for number in range(count)]


def balance(over: Axis, scale: int = 1) -> Balance:
    return balance_of(over, scale, CODECFAKE_PLUS, load_catalogue())


def sizes(made: Balance, count: int) -> dict[str, int]:
    held = assign_codecs(made, utterances(count))
    return {part.name: sum(len(held[codec]) for codec in part.codecs) for part in made.sub_categories}


# ResponsibleGenAI/CodecFake-Source-Tracing@91516e0: spoof lines of {train,test}_mult_learn{,_bal_dec,_bal_vq}.txt,
# counted; its Trad and SQ are None and Scq
@pytest.mark.parametrize(
    ("over", "train", "test"),
    [
        ("aux", {"None": 14322, "Disent": 14322, "Sem": 14321}, {"None": 252, "Disent": 252, "Sem": 251}),
        ("dec", {"Time": 21483, "Freq": 21482}, {"Time": 378, "Freq": 377}),
        ("qua", {"Mvq": 14322, "Svq": 14322, "Scq": 14321}, {"Mvq": 252, "Svq": 252, "Scq": 251}),
    ],
)
def test_sub_categories_have_the_counts_of_the_published_files(
    over: Axis, train: dict[str, int], test: dict[str, int]
) -> None:
    assert sizes(balance(over), TRAIN) == train
    assert sizes(balance(over), TEST) == test


# the codecs with the fewest and the most lines in the same train files, of the sub-category with most codecs
@pytest.mark.parametrize(
    ("over", "name", "codecs", "least", "most"),
    [("aux", "None", 18, 764, 826), ("dec", "Time", 19, 1083, 1181), ("qua", "Mvq", 25, 529, 635)],
)
def test_codecs_of_a_sub_category_are_drawn_as_evenly_as_in_the_published_files(
    over: Axis, name: str, codecs: int, least: int, most: int
) -> None:
    made = balance(over)
    held = assign_codecs(made, utterances(TRAIN))
    counts = [len(held[codec]) for part in made.sub_categories if part.name == name for codec in part.codecs]
    assert len(counts) == codecs
    margin = 0.1 * (most - least)
    assert least - 4 * margin < min(counts) < max(counts) < most + 4 * margin


@pytest.mark.parametrize("scale", [1, 4])
@pytest.mark.parametrize("over", ["qua", "aux", "dec"])
def test_each_utterance_goes_through_as_many_different_codecs_as_the_scale_says(over: Axis, scale: int) -> None:
    held = assign_codecs(balance(over, scale), utterances(1000))
    assert set(Counter(name for names in held.values() for name in names).values()) == {scale}


def test_dec_times_four_gives_each_utterance_two_codecs_of_each_decoder() -> None:
    made = balance("dec", 4)
    held = assign_codecs(made, utterances(TRAIN))
    for part in made.sub_categories:
        assert Counter(name for codec in part.codecs for name in held[codec]).total() == 2 * TRAIN
        assert set(Counter(name for codec in part.codecs for name in held[codec]).values()) == {2}


def test_assignment_depends_on_what_there_is_not_on_its_order() -> None:
    turned = balance_of("dec", 1, CODECFAKE_PLUS[::-1], load_catalogue())
    assert turned == balance("dec")
    assert assign_codecs(turned, utterances(500)[::-1]) == assign_codecs(balance("dec"), utterances(500))


@pytest.mark.parametrize(
    ("scale", "codecs", "message"),
    [
        (1, ["dac-24khz", "mu-law"], "codec mu-law has no DEC in the taxonomy"),
        (1, ["dac-24khz", "bigcodec"], "all codecs are DEC Time: nothing to balance"),
        (4, ["dac-24khz", "bigcodec", "snac-24khz", "audiodec-24khz"], "takes 2 different codecs of DEC Freq .* has 1"),
    ],
)
def test_codecs_that_cannot_be_balanced_are_refused(scale: int, codecs: list[str], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        balance_of("dec", scale, codecs, load_catalogue())
