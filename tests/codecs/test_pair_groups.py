"""The groups of codec pairs, from the catalogue's own entries."""

from __future__ import annotations

from itertools import combinations

from grid.codecs.catalogue import load_catalogue
from grid.codecs.pairs import PairGroup, pair_groups


def groups(*names: str) -> dict[tuple[str, str], tuple[tuple[str, str], ...]]:
    found: tuple[PairGroup, ...] = pair_groups([load_catalogue().get(name) for name in names])
    return {(group.name, group.category): group.pairs for group in found}


def test_groups_of_two_families_and_a_classical_codec() -> None:
    snac, wide, dac, classical = "snac-24khz", "snac-44khz", "dac-24khz", "opus-6kbps"
    assert groups(snac, wide, dac, classical) == {
        ("intra-family", ""): ((snac, wide),),
        ("inter-family", ""): ((snac, dac), (snac, classical), (wide, dac), (wide, classical), (dac, classical)),
    }


def test_a_specific_pair_agrees_in_its_axis_alone() -> None:
    # Table III of CodecFake+: Mvq Sem Time; Mvq None Freq; Mvq None Time; Svq None Time
    speechtokenizer, language, bigcodec = "speechtokenizer-hubert-avg", "language-codec", "bigcodec"
    found = groups(speechtokenizer, language, bigcodec)
    assert found["QUA-specific", ""] == ((speechtokenizer, language),)
    assert found["AUX-specific", ""] == ((language, bigcodec),)
    assert found["DEC-specific", ""] == ((speechtokenizer, bigcodec),)


def test_members_of_a_family_built_to_differ_in_the_taxonomy_are_codecs_of_their_own() -> None:
    plain = load_catalogue().get("dac-24khz")
    mvq, again, svq = (
        plain.model_copy(update={"name": name, "family": "built", "qua": qua, "training_seed": seed})
        for name, qua, seed in (("mvq", "Mvq", 0), ("again", "Mvq", 1), ("svq", "Svq", 0))
    )
    found = {group.name: group.pairs for group in pair_groups([mvq, again, svq])}
    assert found == {"intra-family": (("mvq", "again"),), "inter-family": (("mvq", "svq"), ("again", "svq"))}


def test_groups_of_codecfake_plus_hold_every_pair_once_in_a_family_or_between_two() -> None:
    entries = [entry for entry in load_catalogue() if entry.letters.codecfake_plus]
    found = {(group.name, group.category): set(group.pairs) for group in pair_groups(entries)}
    assert len(entries) == 31
    assert len(found["intra-family", ""]) + len(found["inter-family", ""]) == 31 * 30 // 2
    for axis in ("QUA", "AUX", "DEC"):
        whole = found[f"{axis}-specific", ""]
        parts = [pairs for (name, category), pairs in found.items() if name == f"{axis}-specific" and category]
        assert set.union(*parts) == whole < found["inter-family", ""]
        assert all(not a & b for a, b in combinations(parts, 2))
