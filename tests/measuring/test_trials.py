"""Trials: the utterances of each evaluation and condition, checked against a small table written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from grid.config.analyses import BootstrapUnit
from grid.config.experiment import EvaluationChoice
from grid.core.errors import RequestError
from grid.core.randomness import seed_number
from grid.measuring.trials import Trials, conditions, measure_evaluation
from grid.metrics.conditional_bootstrap import conditional_bootstrap_eer
from grid.metrics.intervals import bootstrap_eer

# utterance, speaker, key, attack, codec, score
ROWS = [
    ("raw1", "s1", "bonafide", "", "", 3.0),
    ("raw2", "s2", "bonafide", "", "", 2.0),
    ("cors1-x", "s1", "bonafide", "", "x", 1.0),
    ("cors2-x", "s2", "bonafide", "", "x", 0.0),
    ("cors1-y", "s1", "bonafide", "", "y", -1.0),
    ("tts1", "s1", "spoof", "tts", "", 0.5),
    ("tts2", "s2", "spoof", "tts", "", -2.0),
    ("vc1", "s1", "spoof", "vc", "", 2.5),
    ("cosg1-x", "s1", "spoof", "tts", "x", -3.0),
    ("cosg2-x", "s2", "spoof", "vc", "x", 0.4),
    ("cosg1-y", "s1", "spoof", "tts", "y", -4.0),
]
COLUMNS = ["utterance_id", "speaker", "key", "attack", "codec", "score"]
OTHERS = [
    ("raw3", "s3", "bonafide", "", "", 1.0),
    ("cors3-z", "s3", "spoof", "", "z", 0.1),
    ("tts3", "s3", "spoof", "tts", "", 0.2),
]
"""Of another corpus, which calls its CoRS spoof."""

RAW, CORS_X, CORS_Y = {"raw1", "raw2"}, {"cors1-x", "cors2-x"}, {"cors1-y"}
ATTACK, COSG_X, COSG_Y = {"tts1", "tts2", "vc1"}, {"cosg1-x", "cosg2-x"}, {"cosg1-y"}
COSG = COSG_X | COSG_Y


def trials(rows: list[tuple[Any, ...]] = ROWS, others: list[tuple[Any, ...]] | None = None) -> Trials:
    tables = [pd.DataFrame(rows, columns=COLUMNS).assign(corpus="one")]
    tables += [pd.DataFrame(others, columns=COLUMNS).assign(corpus="other")] if others else []
    return Trials.of(pd.concat(tables, ignore_index=True))


def choice(**values: Any) -> EvaluationChoice:
    return EvaluationChoice.model_validate(values)


def found(asked: EvaluationChoice, others: list[tuple[Any, ...]] | None = None) -> dict[str, tuple[set[str], set[str]]]:
    given = trials(others=others)
    names = given.column("utterance_id")
    return {c.name: (set(names[c.bonafide]), set(names[c.spoof])) for c in conditions(given, asked)}


def test_roles_follow_key_and_codec() -> None:
    roles = trials().table.groupby("role")["utterance_id"].apply(set).to_dict()
    assert roles == {"raw": RAW, "cors": CORS_X | CORS_Y, "attack": ATTACK, "cosg": COSG}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (
            choice(bonafide="raw", spoof=["attack", "cosg"], by=["codec"]),
            {"pooled": (RAW, ATTACK | COSG), "codec=x": (RAW, COSG_X), "codec=y": (RAW, COSG_Y)},
        ),
        (
            choice(bonafide="cors", spoof="cosg", by=["codec"]),
            {"pooled": (CORS_X | CORS_Y, COSG), "codec=x": (CORS_X, COSG_X), "codec=y": (CORS_Y, COSG_Y)},
        ),
        (
            choice(bonafide="cors", spoof="cosg", by=["bonafide-codec"]),
            {
                "pooled": (CORS_X | CORS_Y, COSG),
                "bonafide-codec=x": (CORS_X, COSG),
                "bonafide-codec=y": (CORS_Y, COSG),
            },
        ),
        (
            choice(bonafide=["raw", "cors"], spoof=["attack", "cosg"], by="attack"),
            {
                "pooled": (RAW | CORS_X | CORS_Y, ATTACK | COSG),
                "attack=tts": (RAW | CORS_X | CORS_Y, {"tts1", "tts2", "cosg1-x", "cosg1-y"}),
                "attack=vc": (RAW | CORS_X | CORS_Y, {"vc1", "cosg2-x"}),
            },
        ),
        (
            choice(bonafide="raw", spoof="cors", by=["codec"]),
            {"pooled": (RAW, CORS_X | CORS_Y), "codec=x": (RAW, CORS_X), "codec=y": (RAW, CORS_Y)},
        ),
        (
            choice(bonafide=["raw", "cors"], spoof="cosg", by="spoof-codec"),
            {
                "pooled": (RAW | CORS_X | CORS_Y, COSG),
                "spoof-codec=x": (RAW | CORS_X | CORS_Y, COSG_X),
                "spoof-codec=y": (RAW | CORS_X | CORS_Y, COSG_Y),
            },
        ),
    ],
    ids=["T-CoSG", "T-CoRS", "T-CoRS per codec", "All per attack", "cross-codec", "per codec of the spoofs"],
)
def test_conditions_hold_exactly_their_trials(
    asked: EvaluationChoice, expected: dict[str, tuple[set[str], set[str]]]
) -> None:
    assert found(asked) == expected


@pytest.mark.parametrize(
    ("corpora", "bonafide", "spoof"),
    [
        (None, RAW | {"raw3"}, ATTACK | {"tts3"}),
        (["one", "other"], RAW | {"raw3"}, ATTACK | {"tts3"}),
        ("one", RAW, ATTACK),
        ("other", {"raw3"}, {"tts3"}),
    ],
)
def test_conditions_hold_trials_of_the_corpora_asked_for_alone(
    corpora: Any, bonafide: set[str], spoof: set[str]
) -> None:
    asked = choice(bonafide="raw", spoof="attack", by="attack", corpora=corpora)
    tts = {name for name in spoof if name.startswith("tts")}
    expected = {"pooled": (bonafide, spoof), "attack=tts": (bonafide, tts), "attack=vc": (bonafide, {"vc1"} & spoof)}
    assert found(asked, OTHERS) == {name: held for name, held in expected.items() if held[1]}


def test_resynthesised_speech_that_a_corpus_calls_spoof_is_cors() -> None:
    asked = choice(bonafide="raw", spoof="cors", by="codec", corpora="other")
    assert found(asked, OTHERS) == {"pooled": ({"raw3"}, {"cors3-z"}), "codec=z": ({"raw3"}, {"cors3-z"})}


def test_a_codec_without_trials_of_both_classes_is_no_condition() -> None:
    asked = choice(bonafide="cors", spoof="cosg", by="codec")
    assert set(found(asked, OTHERS)) == {"pooled", "codec=x", "codec=y"}


def measured(asked: EvaluationChoice, *, unit: BootstrapUnit, rows: list[tuple[Any, ...]] = ROWS) -> dict[str, Any]:
    results = measure_evaluation(trials(rows), "T", asked, replicates=100, level=0.95, unit=unit)
    return {result.condition: result for result in results}


@pytest.mark.parametrize("unit", ["speaker", "utterance"])
def test_measure_counts_trials_and_finds_the_eer_by_hand(unit: BootstrapUnit) -> None:
    results = measured(choice(bonafide="raw", spoof="attack", by="attack"), unit=unit)
    # raw 2, 3 and attack -2, 0.5, 2.5: FRR and FAR cross between 1/2, 1/3 and 0, 1/3
    assert results["pooled"].eer == pytest.approx(1 / 3)
    assert (results["attack=tts"].eer, results["attack=tts"].n_bonafide, results["attack=tts"].n_spoof) == (0, 2, 2)
    assert results["attack=vc"].n_spoof == 1


def test_measure_does_not_depend_on_the_order_of_trials() -> None:
    asked = choice(bonafide=["raw", "cors"], spoof=["attack", "cosg"])
    turned = [ROWS[i] for i in np.random.default_rng(0).permutation(len(ROWS))]
    assert measured(asked, unit="speaker", rows=turned) == measured(asked, unit="speaker")


def generated() -> pd.DataFrame:
    """Spoofs of two generators and recordings beside them, as codecfake-plus reads them, and recordings of a corpus."""
    draw = np.random.default_rng(0)
    names = [("spoof", "valle", "valle"), ("bonafide", "", "valle"), ("spoof", "ns2", "ns2"), ("bonafide", "", "ns2")]
    rows = [(key, attack, f"codecfake-plus/{source}") for key, attack, source in names for _ in range(30)]
    rows += [("bonafide", "", "asvspoof5/C05")] * 30
    score = draw.normal(0, 1, 150) + [key == "bonafide" for key, _, _ in rows]
    table = pd.DataFrame(rows, columns=["key", "attack", "source"]).assign(score=score)
    return table.assign(utterance_id=[f"u{i}" for i in range(150)], speaker="", codec="", corpus="one")


def test_measure_over_systems_counts_recordings_to_the_system_that_their_source_names() -> None:
    table = generated()
    asked = choice(bonafide="raw", spoof="attack", by="attack")
    pooled, single = measure_evaluation(Trials.of(table), "T", asked, replicates=200, level=0.9, unit="conditional")[:2]
    is_spoof, scores = table["attack"] != "", table["score"].to_numpy()
    systems = table["source"].str.removeprefix("codecfake-plus/")
    named = (list(systems[~is_spoof]), list(systems[is_spoof]))
    expected = conditional_bootstrap_eer(scores[~is_spoof], scores[is_spoof], named, replicates=200, level=0.9)
    assert (pooled.eer_lower, pooled.eer_upper) == (expected.lower, expected.upper)
    # one attack is one system: over utterances
    seed = seed_number("bootstrap", "T", "attack=ns2")
    ns2 = scores[table["attack"] == "ns2"]
    expected = bootstrap_eer(scores[~is_spoof], ns2, seed=seed, replicates=200, level=0.9)
    assert (single.condition, single.eer_lower, single.eer_upper) == ("attack=ns2", expected.lower, expected.upper)


@pytest.mark.parametrize(("missing", "kept"), [("bona ?fide", "spoof"), ("spoof", "bonafide")])
def test_measure_without_a_class_names_evaluation_condition_and_class(missing: str, kept: str) -> None:
    rows = [row for row in ROWS if row[2] == kept]
    with pytest.raises(RequestError, match=rf"(?s)T/pooled.*{missing}|{missing}.*T/pooled"):
        measured(choice(bonafide=["raw", "cors"], spoof=["attack", "cosg"]), unit="utterance", rows=rows)


def test_an_utterance_scored_twice_is_an_error() -> None:
    with pytest.raises(RequestError, match="utterance 'tts1' is scored twice"):
        trials([*ROWS, ROWS[5]])
