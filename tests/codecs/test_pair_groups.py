"""The groups of codec pairs, from the catalogue's own entries."""

from __future__ import annotations

from itertools import combinations

from grid.codecs.catalogue import load_catalogue
from grid.codecs.pairs import PairGroup, pair_groups


def groups(*names: str) -> dict[tuple[str, str], tuple[tuple[str, str], ...]]:
    found: tuple[PairGroup, ...] = pair_groups([load_catalogue().get(name) for name in names])
    return {(group.name, group.category): group.pairs for group in found}


def test_groups_of_two_families_and_a_classical_codec() -> None:
    snac, wide, dac, opus, slower = "snac-24khz", "snac-44khz", "dac-24khz", "opus-16kbps", "opus-6kbps"
    assert groups(snac, wide, dac, opus, slower) == {
        ("intra-family", ""): ((snac, wide), (opus, slower)),
        ("intra-family", "SNAC"): ((snac, wide),),
        ("intra-family", "Opus"): ((opus, slower),),
        ("inter-family", ""): ((snac, dac), (wide, dac)),  # all three Mvq x None x Time
    }


def test_a_discrepancy_is_in_one_axis_alone() -> None:
    # Table III of CodecFake+: Mvq Sem Time; Mvq None Time; Svq None Time; Mvq None Freq
    speechtokenizer, dac, bigcodec, language = "speechtokenizer-hubert-avg", "dac-24khz", "bigcodec", "language-codec"
    assert groups(speechtokenizer, dac, bigcodec, language) == {
        ("QUA discrepancy", ""): ((dac, bigcodec),),
        ("AUX discrepancy", ""): ((speechtokenizer, dac),),
        ("DEC discrepancy", ""): ((dac, language),),
    }


def test_members_of_a_family_built_to_differ_in_the_taxonomy_are_codecs_of_their_own() -> None:
    plain = load_catalogue().get("dac-24khz")
    mvq, again, svq = (
        plain.model_copy(update={"name": name, "family": "built", "qua": qua, "training_seed": seed})
        for name, qua, seed in (("mvq", "Mvq", 0), ("again", "Mvq", 1), ("svq", "Svq", 0))
    )
    found = {group.name: group.pairs for group in pair_groups([mvq, again, svq])}
    assert found == {"intra-family": (("mvq", "again"),), "QUA discrepancy": (("mvq", "svq"), ("again", "svq"))}


def test_the_31_codecs_of_codecfake_plus_have_the_pairs_of_table_8() -> None:
    entries = [entry for entry in load_catalogue() if entry.letters.codecfake_plus]
    found = {(group.name, group.category): set(group.pairs) for group in pair_groups(entries)}
    assert len(entries) == 31
    whole = {name: len(pairs) for (name, category), pairs in found.items() if not category}
    assert whole == {
        "intra-family": 9,
        "inter-family": 46,
        "QUA discrepancy": 35,
        "AUX discrepancy": 103,
        "DEC discrepancy": 60,
    }
    for name in whole:
        parts = [pairs for (group, category), pairs in found.items() if group == name and category]
        assert not parts or set.union(*parts) == found[name, ""]
        assert all(not a & b for a, b in combinations(parts, 2))
    assert ("dac-24khz", "bigcodec") in found["QUA discrepancy", "Mvq, Svq"]
