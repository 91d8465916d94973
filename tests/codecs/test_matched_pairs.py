"""Matched pairs: which codecs of a catalogue differ in one attribute alone, and what such a pair is called."""

from __future__ import annotations

from typing import Any

import pytest

from grid.codec_training.release import catalogue_entry
from grid.codecs.catalogue import identity, load_catalogue
from grid.codecs.controlled.spec import load_spec, member_names
from grid.codecs.entry import CatalogueEntry
from grid.codecs.pairs import contrasts

REFERENCE: dict[str, Any] = {
    "family": "made",
    "qua": "Mvq",
    "aux": "None",
    "dec": "Time",
    "design": "compression",
    "native_rate": 16_000,
    "frame_rate": 100.0,
    "bitrate_kbps": 6.0,
    "training_seed": 0,
    "source": "bundled",
}


def entry(name: str, **changes: Any) -> CatalogueEntry:
    """A codec that differs from the reference in `changes`."""
    return CatalogueEntry.model_validate({"name": name, **REFERENCE, **changes})


def found(*entries: CatalogueEntry) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    return [(contrast.words, contrast.pairs) for contrast in contrasts(entries)]


def test_contrasts_are_of_one_attribute_in_the_order_of_the_taxonomy() -> None:
    entries = (
        entry("freq", dec="Freq"),
        entry("reference"),
        entry("svq", qua="Svq"),
        entry("svq-freq", qua="Svq", dec="Freq"),
        entry("slow", bitrate_kbps=3.0),
        entry("again", training_seed=1),
        entry("sem", aux="Sem"),
    )
    assert found(*entries) == [
        ("QUA Mvq to Svq", (("freq", "svq-freq"), ("reference", "svq"))),
        ("AUX None to Sem", (("reference", "sem"),)),
        ("DEC Time to Freq", (("reference", "freq"), ("svq", "svq-freq"))),
        ("bit rate 3 to 6 kbit/s", (("slow", "reference"),)),
        ("training seed 0 to 1", (("reference", "again"),)),
    ]


def test_families_with_a_contrast_of_the_taxonomy_come_first() -> None:
    rates = (entry("low", family="rates", bitrate_kbps=3.0), entry("high", family="rates"))
    both = contrasts((*rates, entry("reference"), entry("slow", bitrate_kbps=3.0), entry("svq", qua="Svq")))
    assert [(contrast.family, contrast.attribute) for contrast in both] == [
        ("made", "qua"),
        ("made", "bitrate_kbps"),
        ("rates", "bitrate_kbps"),
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"family": "another", "qua": "Svq"},
        {"native_rate": 24_000, "qua": "Svq"},
        {"frame_rate": 50.0, "bitrate_kbps": 3.0},
        {"qua": "Svq", "bitrate_kbps": 3.0},
        {"qua": None},
        {"training_seed": None},
        {},
    ],
)
def test_codecs_that_differ_otherwise_are_no_pair(other: dict[str, Any]) -> None:
    assert found(entry("reference"), entry("other", **other)) == []


def test_the_catalogue_gives_bit_rates_of_one_codec() -> None:
    names = {"encodec-24khz-6kbps", "encodec-24khz-24kbps", "lyra-v2-3.2kbps", "lyra-v2-6kbps", "gsm-06.10"}
    assert found(*(each for each in load_catalogue() if each.name in names)) == [
        ("bit rate 6 to 24 kbit/s", (("encodec-24khz-6kbps", "encodec-24khz-24kbps"),)),
        ("bit rate 3.2 to 6 kbit/s", (("lyra-v2-3.2kbps", "lyra-v2-6kbps"),)),
    ]


def test_the_controlled_family_has_pairs_of_every_attribute(tmp_path: Any) -> None:
    weights = tmp_path / "weights"
    weights.write_bytes(b"")
    made = contrasts(catalogue_entry(load_spec(name), weights) for name in member_names())
    assert {contrast.attribute for contrast in made} == {"qua", "aux", "dec", "bitrate_kbps", "training_seed"}
    (seed,) = [contrast for contrast in made if contrast.attribute == "training_seed"]
    assert seed.pairs == (("controlled-mvq-none-time", "controlled-mvq-none-time-seed1"),)


def test_a_training_seed_does_not_change_what_a_codec_is() -> None:
    assert identity(entry("codec", training_seed=None)) == identity(entry("codec", training_seed=1))
