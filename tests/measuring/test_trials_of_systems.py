"""Trials of generators against their own recordings, by generator and by category of the taxonomy."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from grid.config.experiment import EvaluationChoice
from grid.core.errors import RequestError
from grid.measuring.trials import Trials, conditions

# utterance, key, attack, codec, source, predicted MOS
ROWS = [
    ("valle-real", "bonafide", "", "", "codecfake-plus/valle", 4.0),
    ("valle-fake", "spoof", "valle", "encodec-24khz-6kbps", "codecfake-plus/valle", 3.9),
    ("valle-poor", "spoof", "valle", "encodec-24khz-6kbps", "codecfake-plus/valle", 2.0),
    ("ns3-real", "bonafide", "", "", "codecfake-plus/ns3", 3.6),
    ("ns3-fake", "spoof", "ns3", "mvq-disent-time", "codecfake-plus/ns3", 3.6),
    ("single-real", "bonafide", "", "", "codecfake-plus/singlecodec", 3.0),
    ("single-fake", "spoof", "singlecodec", "svq-disent-freq", "codecfake-plus/singlecodec", 4.5),
    ("other", "bonafide", "", "", "vctk", 4.9),
    ("other-x", "bonafide", "", "bigcodec", "vctk", 4.9),
]
COLUMNS = ["utterance_id", "key", "attack", "codec", "source", "mos"]
Held = dict[str, tuple[set[str], set[str]]]


def found(*, mos: bool = True, **asked: Any) -> Held:
    table = pd.DataFrame(ROWS, columns=COLUMNS).assign(corpus="cosg", speaker="", score=0.0)
    given = Trials.of(table if mos else table.drop(columns="mos"))
    names = given.column("utterance_id")
    choice = EvaluationChoice.model_validate({"bonafide": "raw", "spoof": "cosg", **asked})
    return {c.name: (set(names[c.bonafide]), set(names[c.spoof])) for c in conditions(given, choice)}


def test_a_system_is_tested_against_its_own_recordings_and_those_of_none() -> None:
    held = found(by="system")
    assert held["system=valle"] == ({"valle-real", "other"}, {"valle-fake", "valle-poor"})
    assert held["system=ns3"] == ({"ns3-real", "other"}, {"ns3-fake"})
    assert set(held) == {"pooled", "system=valle", "system=ns3", "system=singlecodec"}


def test_categories_hold_the_systems_whose_codecs_have_that_place() -> None:
    held = found(by=["qua", "aux", "dec"])
    assert held["qua=Mvq"] == ({"valle-real", "ns3-real", "other"}, {"valle-fake", "valle-poor", "ns3-fake"})
    assert held["qua=Svq"] == ({"single-real", "other"}, {"single-fake"})
    assert held["aux=None"] == ({"valle-real", "other"}, {"valle-fake", "valle-poor"})
    assert held["aux=Disent"][1] == {"ns3-fake", "single-fake"}
    assert held["dec=Freq"][1] == {"single-fake"}
    assert "qua=Scq" not in held
    assert "aux=Sem" not in held


def test_categories_of_resynthesised_spoofs_are_those_of_their_codecs() -> None:
    held = found(spoof="cors", by="qua")
    assert held["qua=Svq"][1] == {"other-x"}
    assert "other" in held["qua=Svq"][0]


def test_a_mos_threshold_leaves_out_utterances_of_both_classes() -> None:
    held = found(by="qua", mos_above=3.5)
    assert held["pooled"] == ({"valle-real", "ns3-real", "other"}, {"valle-fake", "ns3-fake", "single-fake"})
    assert held["qua=Svq"] == ({"other"}, {"single-fake"})


def test_a_mos_threshold_without_predictions_says_how_to_get_them() -> None:
    with pytest.raises(RequestError, match=r"MOS above 3\.5, and corpus cosg has none; fill it with `codecgrid mos`"):
        found(mos=False, mos_above=3.5)
