"""Roles of single utterances and of the rows of a manifest, and the holdings of a corpus."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pyarrow as pa
import pytest

from grid.corpus.holdings import Holding, are_cors, are_recorded, holdings, recorded_rates, role_of
from grid.corpus.manifest import Utterance, to_table


def utterance(
    name: str, split: str = "train", key: str = "bonafide", attack: str = "", codec: str = "", *, pending: bool = False
) -> Utterance:
    facts = (name, "p1", split, key, attack, codec, name, "made", f"{name}.wav")
    return Utterance(*facts, 1.0, 16_000, 16_000, 1, "0" * 64, pending=pending)


@pytest.mark.parametrize(
    ("key", "attack", "codec", "role"),
    [
        ("bonafide", "", "", "raw"),
        ("bonafide", "", "opus-6kbps", "cors"),
        ("spoof", "", "opus-6kbps", "cors"),
        ("spoof", "world", "", "attack"),
        ("spoof", "", "", "attack"),
        ("spoof", "world", "opus-6kbps", "cosg"),
        ("bonafide", "world", "opus-6kbps", "raw"),
    ],
)
def test_role_of_what_came_through_a_codec_and_is_no_attack_is_cors_whatever_its_key(
    key: str, attack: str, codec: str, role: str
) -> None:
    assert role_of(key, attack, codec) == role


def test_rows_and_holdings_have_the_roles_of_their_utterances() -> None:
    kinds = list(product(("bonafide", "spoof"), ("", "world"), ("", "mu-law")))
    table = to_table(utterance(str(i), "train", *kind) for i, kind in enumerate(kinds))
    assert are_cors(table).to_pylist() == [role_of(*kind) == "cors" for kind in kinds]
    held = [holdings(table.slice(i, 1))[0] for i in range(len(kinds))]
    assert [one.role for one in held] == [role_of(*kind) for kind in kinds]
    assert are_recorded(table).to_pylist() == [one.is_recorded for one in held]
    assert sum(one.is_recorded for one in held) == 2


def test_holdings_count_by_split_role_codec_and_pending() -> None:
    rows = [
        utterance("d", "dev"),
        utterance("a"),
        utterance("b"),
        utterance("f", "train", "spoof", "A01"),
        utterance("g", "train", "spoof", "A02"),
        utterance("a~x", codec="x"),
        utterance("b~x", key="spoof", codec="x"),
        utterance("c~x", codec="x", pending=True),
    ]
    assert holdings(to_table(rows)) == (
        Holding("train", "attack", "", False, 2),
        Holding("train", "cors", "x", False, 2),
        Holding("train", "cors", "x", True, 1),
        Holding("train", "raw", "", False, 2),
        Holding("dev", "raw", "", False, 1),
    )
    assert holdings(to_table([])) == ()
    assert holdings(pa.concat_tables([to_table(rows[:1]), to_table(rows[1:4])]))[-1].split == "dev"


def test_recorded_rates_are_those_of_the_files_that_codecs_are_applied_to() -> None:
    rows = [
        replace(utterance("a"), sample_rate=48_000),
        replace(utterance("b"), sample_rate=16_000),
        replace(utterance("c", "test"), sample_rate=48_000),
        replace(utterance("a~x", codec="x", pending=True), sample_rate=44_100),
        replace(utterance("b~x", codec="x"), sample_rate=24_000),
        replace(utterance("d", key="spoof", attack="A01"), sample_rate=22_050),
    ]
    assert recorded_rates(to_table(rows)) == (16_000, 44_100, 48_000)
    assert recorded_rates(to_table(rows[4:])) == ()
