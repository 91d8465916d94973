"""Designs of families: which codecs and terms a model has, and how categories and bit rates are coded."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from grid.codecs.catalogue import load_catalogue
from grid.family_design import Design, designs
from grid.matched_pairs import contrasts
from grid.small_codecs.release import catalogue_entry
from grid.small_codecs.spec import load_spec, member_names
from tests.test_matched_pairs import entry


def columns(design: Design) -> dict[str, tuple[float, ...]]:
    return {term.words: term.column for term in design.terms}


def test_categories_are_coded_against_the_most_frequent_one() -> None:
    members = (entry("a"), entry("b", qua="Svq"), entry("c", qua="Svq"), entry("d", qua="Scq", dec="Freq"))
    (design,) = designs(members)
    assert (design.family, design.members) == ("made", ("a", "b", "c", "d"))
    # the reference is Svq: the only Mvq counts as minus one exchange of Mvq for Svq
    assert columns(design) == {
        "QUA Mvq to Svq": (-1, 0, 0, 0),
        "QUA Svq to Scq": (0, 0, 0, 1),
        "DEC Time to Freq": (0, 0, 0, 1),
    }
    assert design.matrix.tolist() == [[1, -1, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 1, 1]]


def test_bit_rate_counts_doublings_and_a_training_seed_nothing() -> None:
    members = (entry("a"), entry("b", aux="Sem"), entry("slow", bitrate_kbps=1.5), entry("again", training_seed=1))
    (design,) = designs(members)
    assert list(columns(design)) == ["AUX None to Sem", "bit rate doubled"]
    steps = np.diff(columns(design)["bit rate doubled"])
    np.testing.assert_allclose(steps, [0, -2, 2])
    assert design.matrix[3].tolist() == design.matrix[0].tolist()


def test_families_are_apart_and_those_without_a_difference_in_the_taxonomy_have_no_design() -> None:
    other = {"family": "other", "bitrate_kbps": None}
    found = designs(
        [
            entry("slow", family="rates", bitrate_kbps=3.0),
            entry("fast", family="rates"),
            entry("a"),
            entry("x", **other),
            entry("b", dec="Freq"),
            entry("wide", native_rate=24_000, qua="Svq"),
            entry("y", **other, aux="Sem"),
            entry("nowhere", **other, qua=None),
        ]
    )
    assert [(each.family, each.members) for each in found] == [("made", ("a", "b")), ("other", ("x", "y"))]
    assert list(columns(found[1])) == ["AUX None to Sem"]


def test_the_controlled_family_leaves_five_degrees_of_freedom(tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    weights.write_bytes(b"")
    members = [catalogue_entry(load_spec(name), weights) for name in member_names()]
    (design,) = designs(members)
    assert list(columns(design)) == [
        "QUA Mvq to Svq",
        "QUA Mvq to Scq",
        "AUX None to Sem",
        "AUX None to Disent",
        "DEC Time to Freq",
        "bit rate doubled",
    ]
    assert design.matrix.shape == (12, 7)
    assert np.linalg.matrix_rank(design.matrix) == 7
    # the figure finds a main effect by the words of a contrast
    assert {each.words for each in contrasts(members) if not each.is_noise_floor} >= set(list(columns(design))[:5])


def test_every_design_of_the_catalogue_has_a_value_in_every_cell() -> None:
    assert all(np.isfinite(design.matrix).all() for design in designs(load_catalogue()))
