"""Tests of `codecgrid policies`: every policy with the first sentence of its file."""

from __future__ import annotations

from grid.policies import POLICIES
from tests.support.command_line import codecgrid


def test_policies_have_one_line_each() -> None:
    rows = codecgrid("policies", "--json").json
    assert [row["name"] for row in rows] == POLICIES.names()
    about = {row["name"]: row["about"] for row in rows}
    assert about["none"] == "no CoRS in training; with the same attacks it is the baseline of the other policies"
    assert all(text and "\n\n" not in text for text in about.values())


def test_policies_on_a_terminal_names_all() -> None:
    said = codecgrid("policies").out
    assert all(f"\n{name} " in said for name in POLICIES.names())
