"""Tests of `codecgrid recipes`: every recipe with the first sentence of its file."""

from __future__ import annotations

from grid.config.recipe import recipe_names
from tests.support.command_line import codecgrid


def test_recipes_have_one_line_each() -> None:
    rows = codecgrid("recipes", "--json").json
    assert [row["name"] for row in rows] == recipe_names()
    about = {row["name"]: row["about"] for row in rows}
    assert about["cpu-lcnn"] == "LFCC-LCNN on a few hundred utterances on a CPU: 2.5 s crops, 10 epochs"
    assert all(about.values())


def test_recipes_on_a_terminal_names_all() -> None:
    said = codecgrid("recipes").out
    assert all(f"\n{name} " in said for name in recipe_names())
