"""The 17 systems of Table IV against the counts of CoSG_labels.txt and the codecs of codec_tags.yaml."""

from __future__ import annotations

from collections import Counter

import pytest

from grid.codecs.taxonomy import place_of
from grid.corpus.codec_tags import tags_of
from grid.corpus.cosg_systems import cosg_systems
from grid.report.papers.shared.published import GeneratorFacts, published


def test_systems_sum_to_the_published_trials() -> None:
    # CoSG_labels.txt of CodecFake/CodecFake_Plus_Dataset: 1,797 rows
    systems = cosg_systems().values()
    assert len(systems) == 17
    assert sum(system.bonafide for system in systems) == 866
    assert sum(system.spoof for system in systems) == 931


@pytest.mark.parametrize(
    ("axis", "published"),
    [
        ("qua", {"Mvq": 848, "Scq": 63, "Svq": 20}),
        ("aux", {"None": 874, "Disent": 52, "Sem": 5}),
        ("dec", {"Freq": 668, "Time": 263}),
    ],
)
def test_systems_sum_to_the_published_spoofs_of_each_category(axis: str, published: dict[str, int]) -> None:
    counts: Counter[str] = Counter()
    for system in cosg_systems().values():
        counts[getattr(system.place, axis)] += system.spoof
    assert counts == published


def test_systems_are_those_of_table_4_in_its_order_and_words_with_their_codecs() -> None:
    ours = [
        (s.name, s.codec_in_paper, s.place.qua, s.place.aux, s.place.dec, s.bonafide, s.spoof)
        for s in cosg_systems().values()
    ]
    assert ours == [
        (row.system, row.codec, row.qua, row.aux, row.dec, row.bonafide, row.spoof)
        for row in published("codecfake-plus-table-4", GeneratorFacts)
    ]


def test_systems_and_their_codecs_agree_on_the_place() -> None:
    assert set(cosg_systems()) == set(tags_of("cosg"))
    assert all(place_of(system.codec) == system.place for system in cosg_systems().values())
