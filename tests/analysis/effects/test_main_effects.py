"""Main effects from given EERs: responses, common seeds, families, missing trainings."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest

from grid.analysis.effects.eers_by_codec import CHANCE, CodecEers, exchange_of_training
from grid.analysis.effects.main_effects import FamilyDesign, designs, main_effects
from grid.analysis.effects.results import MainEffects
from grid.codec_training.release import catalogue_entry
from grid.codecs.catalogue import Catalogue, load_catalogue
from grid.codecs.controlled.spec import load_spec, member_names
from grid.codecs.pairs import contrasts
from tests.codecs.test_matched_pairs import entry

FAMILY = (
    entry("a"),
    entry("b", qua="Svq"),
    entry("c", dec="Freq"),
    entry("d", qua="Svq", dec="Freq"),
    entry("again", training_seed=1),
)
SMALL = (entry("s", family="small"), entry("t", family="small", aux="Sem"))
STRANGERS = tuple(entry(f"x{number}", family="other") for number in range(3))
CATALOGUE = Catalogue((*FAMILY, *SMALL, *STRANGERS))
CODECS = ("a", "b", "c", "d", "again", "x0", "x1", "x2", "unknown")
EERS = {"a": 0.10, "b": 0.17, "c": 0.06, "d": 0.14, "again": 0.12, "s": 0.2, "t": 0.3}
Places = tuple[tuple[str, int], ...]


def made(
    *, tested: tuple[str, ...] = CODECS, seeds: int = 2, missing: Places = (), without: tuple[str, ...] = ("s", "t")
) -> tuple[MainEffects, ...]:
    """Each EER is the codec's, 0.02 more in a codec's second seed, and 0.5 on the family's own codecs."""
    places = [(codec, seed) for codec in EERS if codec not in without for seed in range(seeds)]
    hard = np.array([0.5 if codec in EERS else 0.0 for codec in tested])
    eers = {(codec, seed): CodecEers(EERS[codec] + 0.02 * seed + hard, None) for codec, seed in places}
    trained = exchange_of_training(
        ("E", "spoof", "lcnn"),
        tested,
        {place: found for place, found in eers.items() if place not in missing},
        {place: "failed" if place in missing else "done" for place in places},
    )
    return main_effects(trained, CATALOGUE, 0.95)


@pytest.mark.slow
def test_coefficients_are_least_squares_on_the_mean_eer_outside_the_family() -> None:
    (found,) = made()
    assert found.members == ("a", "b", "c", "d", "again")
    assert (found.terms, found.seeds) == (("QUA Mvq to Svq", "DEC Time to Freq"), (0, 1))
    assert (found.basis, found.codecs) == ("outside the family", 4)
    matrix = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1], [1, 0, 0]])
    solution, (squares,), *_ = np.linalg.lstsq(matrix, np.array([0.11, 0.18, 0.07, 0.15, 0.13]), rcond=None)
    assert found.model is not None
    quantiser, decoder = found.model.coefficients
    assert [quantiser.estimate, decoder.estimate] == pytest.approx(solution[1:])
    error = np.sqrt(squares / 2 * np.linalg.inv(matrix.T @ matrix)[1, 1])
    # t(0.975) with 2 degrees of freedom is 4.3027 in every table
    assert quantiser.upper - quantiser.estimate == pytest.approx(4.3027 * error, rel=1e-4)
    assert found.model.degrees_of_freedom == 2
    assert found.coefficient("DEC Time to Freq") == decoder
    assert found.coefficient("AUX None to Sem") is None


def test_p_values_are_adjusted_for_all_terms() -> None:
    (found,) = made()
    assert found.model is not None
    small, large = sorted(found.model.coefficients, key=lambda each: each.p_value)
    assert small.adjusted == pytest.approx(2 * small.p_value)
    assert large.adjusted == pytest.approx(max(large.p_value, 2 * small.p_value))


def test_a_seed_that_failed_with_one_codec_is_left_out_for_all() -> None:
    words = "QUA Mvq to Svq"
    (whole,), (found,) = made(), made(missing=(("b", 1),))
    assert (found.seeds, found.troubles) == ((0,), ("b, seed 1: failed",))
    before, after = whole.coefficient(words), found.coefficient(words)
    assert before is not None
    assert after is not None
    # left in, the second seed of the other codecs, 0.02 worse, would flatter b
    assert after.estimate == pytest.approx(before.estimate)
    (never,) = made(missing=(("a", 0), ("b", 1)))
    assert (never.model, never.unfit) == (None, "there is no seed in which the trainings with all codecs are done")


def test_a_codec_without_a_training_is_not_in_the_model() -> None:
    (found,) = made(missing=(("again", 0), ("again", 1)))
    assert (found.members, found.model) == (("a", "b", "c", "d"), None)
    assert found.unfit.startswith("4 codecs are too few for 3 parameters, the intercept among them: it takes 5")
    assert found.troubles == ("again, seed 0: failed", "again, seed 1: failed")
    assert made(missing=tuple((codec, seed) for codec in EERS for seed in (0, 1))) == ()


def test_without_a_codec_outside_the_family_all_but_its_own_are_tested_on() -> None:
    (found,) = made(tested=("a", "b", "c", "d", "again"), seeds=1)
    assert (found.basis, found.codecs) == ("all others", 5)
    assert found.coefficient("QUA Mvq to Svq") is not None
    (alone,) = made(tested=("a",), seeds=1)
    assert alone.unfit == "no codec is tested but one that is trained with"


def test_each_family_has_its_model_and_a_small_one_says_why_not() -> None:
    large, small = made(without=())
    assert large.model is not None
    assert (small.family, small.terms, small.model) == ("small", ("AUX None to Sem",), None)
    assert small.unfit.startswith("2 codecs are too few for 2 parameters")
    # for the small family, the codecs of the other one are outside, but all EERs on those are above 50 %
    assert (small.basis, small.codecs) == ("better than chance", 4)


def test_from_the_other_side_the_response_is_the_mean_eer_on_a_tested_codec() -> None:
    tested = ("a", "b", "c", "d", "again", "unknown")
    on = np.array([0.10, 0.17, 0.06, 0.14, 0.12, 0.9])
    found = {("x0", 0): CodecEers(on, None), ("x1", 0): CodecEers(on + 0.2, None), ("a", 0): CodecEers(on * 0, None)}
    trained = exchange_of_training(("E", "spoof", "lcnn"), tested, found, dict.fromkeys(found, "done"))
    (turned,) = main_effects(trained.other_side(), CATALOGUE, 0.95)
    assert (turned.members, turned.basis, turned.codecs) == (("a", "b", "c", "d", "again"), "outside the family", 2)
    (direct,) = made(seeds=1)
    # the same five numbers, all of them 0.1 higher: the intercept takes that
    for words in ("QUA Mvq to Svq", "DEC Time to Freq"):
        ours, theirs = turned.coefficient(words), direct.coefficient(words)
        assert ours is not None
        assert theirs is not None
        assert ours.estimate == pytest.approx(theirs.estimate)


def test_others_that_turn_detectors_round_are_left_out_where_there_are_better_ones() -> None:
    eers = {("a", 0): 0.1, ("b", 0): 0.2, ("c", 0): 0.06, ("d", 0): 0.14, ("again", 0): 0.12}
    found = {place: CodecEers(np.array([eer, eer, 1 - eer]), None) for place, eer in eers.items()}
    trained = exchange_of_training(("E", "spoof", "lcnn"), ("x0", "x1", "x2"), found, dict.fromkeys(found, "done"))
    (main,) = main_effects(trained, CATALOGUE, 0.95)
    assert (main.basis, main.codecs, main.left_out) == ("better than chance", 2, ("x2",))
    only = {place: CodecEers(each.observed[2:], None) for place, each in found.items()}
    turned = exchange_of_training(("E", "spoof", "lcnn"), ("x2",), only, dict.fromkeys(found, "done"))
    (main,) = main_effects(turned, CATALOGUE, 0.95)
    assert (main.basis, main.codecs, main.left_out) == ("outside the family", 1, ())


@pytest.mark.slow
def test_without_an_effect_five_percent_are_rejected_with_codecs_chosen_by_their_eer() -> None:
    gc.collect()
    gc.freeze()  # statsmodels has the garbage collector go through all that the process holds, with every model
    draw, simulations, tested = np.random.default_rng(0), 400, ("x0", "x1", "x2", "unknown")
    p_values, left_out = [], 0
    for _ in range(simulations):
        on = CHANCE + 0.02 * draw.normal(size=4) + 0.01 * draw.normal(size=(2, 1))
        own = 0.01 * draw.normal(size=(5, 1, 1)) + 0.02 * draw.normal(size=(5, 2, 1))
        eers = on + own + 0.03 * draw.normal(size=(5, 1, 4)) + 0.03 * draw.normal(size=(5, 2, 4))
        found = {
            (each.name, seed): CodecEers(eers[row, seed], None) for row, each in enumerate(FAMILY) for seed in range(2)
        }
        trained = exchange_of_training(("E", "spoof", "lcnn"), tested, found, dict.fromkeys(found, "done"))
        (main,) = main_effects(trained, CATALOGUE, 0.95)
        assert main.model is not None
        left_out += bool(main.left_out)
        p_values += [each.p_value for each in main.model.coefficients]
    assert left_out > simulations / 2
    # 800 p-values, two of a model: a share of 0.05 has a standard error of 0.011 at most; the docstring has the numbers
    # of 20 000 simulations
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.03)


def columns(design: FamilyDesign) -> dict[str, tuple[float, ...]]:
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
