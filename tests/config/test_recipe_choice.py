"""Recipes with changed values: the result, its identity, and errors that name the line of the wrong value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from grid.config.recipe import load_recipe
from grid.config.recipe_choice import ChangedRecipe, changed, chosen_recipe
from grid.config.yaml_file import read_yaml
from grid.core.errors import RequestError
from tests.support.tiny_grid import RECIPE, tiny, write_yaml


def chosen(folder: Path, text: str) -> Any:
    (folder / "experiment.yaml").write_text(text, encoding="utf-8")
    file = read_yaml(folder / "experiment.yaml")
    return chosen_recipe(ChangedRecipe.model_validate(file.values["recipe"]), file, ("recipe",))


def test_values_that_are_given_differ_and_the_others_are_the_bases(tmp_path: Path) -> None:
    found = chosen(tmp_path, "recipe: {base: cpu-lcnn, epochs: 2, optimiser: {learning_rate: 1.0e-4}}")
    base = load_recipe("cpu-lcnn")
    assert (found.epochs, found.optimiser.learning_rate) == (2, 1e-4)
    assert found.optimiser.weight_decay == base.optimiser.weight_decay != 0
    assert found.crop == base.crop


def test_a_mapping_of_another_kind_replaces_the_whole(tmp_path: Path) -> None:
    found = chosen(tmp_path, "recipe: {base: cpu-lcnn, schedule: {kind: constant}}")
    assert found.schedule.kind == "constant"
    assert changed({"a": {"kind": "x", "b": 1}}, {"a": {"kind": "x", "c": 2}}) == {"a": {"kind": "x", "b": 1, "c": 2}}


def test_name_says_what_differs() -> None:
    choice = ChangedRecipe.model_validate({"base": "cpu-lcnn", "epochs": 2, "optimiser": {"learning_rate": 1e-4}})
    assert choice.name == "cpu-lcnn (epochs 2, optimiser.learning_rate 0.0001)"
    assert ChangedRecipe(base="cpu-lcnn").name == "cpu-lcnn"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "recipe:\n  base: cpu-lcnn\n  optimiser:\n    learning_rat: 1\n",
            r"experiment.yaml:4: unknown key 'learning_rat'",
        ),
        ("recipe:\n  base: cpu-lcnn\n  epochs: -1\n", r"experiment.yaml:3: epochs: .*greater than or equal to 0"),
        ("recipe:\n  base: cpu-lccn\n", r"experiment.yaml:1: unknown recipe 'cpu-lccn'; did you mean 'cpu-lcnn'"),
    ],
)
def test_wrong_values_are_told_with_their_line(text: str, error: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=error):
        chosen(tmp_path, text)


def test_a_changed_recipe_and_a_file_with_the_same_values_make_the_same_cells(tmp_path: Path) -> None:
    by_file, by_change = tiny(tmp_path / "file", recipe={"epochs": 1}), tiny(tmp_path / "change")
    text = by_change.config.read_text(encoding="utf-8").replace("recipe: tiny", "recipe: {base: tiny, epochs: 1}")
    by_change.config.write_text(text, encoding="utf-8")
    for made in (by_file, by_change):
        made.corpus()
    assert [cell.cell_id for cell in by_file.grid.cells] == [cell.cell_id for cell in by_change.grid.cells]


def test_what_is_wrong_in_the_base_is_told_of_its_file(tmp_path: Path) -> None:
    write_yaml(tmp_path / "recipes" / "wrong.yaml", {**RECIPE, "batch_size": 0})
    file = tmp_path / "experiment.yaml"
    file.write_text("recipe: {base: wrong, epochs: 1}", encoding="utf-8")
    choice = ChangedRecipe.model_validate({"base": "wrong", "epochs": 1})
    with pytest.raises(RequestError, match=r"recipes/wrong.yaml:\d+: batch_size"):
        chosen_recipe(choice, read_yaml(file), ("recipe",), beside=tmp_path)


def test_a_value_of_the_recipe_beside_it_is_told_where_it_belongs(tmp_path: Path) -> None:
    made = tiny(tmp_path, epochs=2)
    with pytest.raises(RequestError, match=r"yaml:\d+: epochs is a value of the recipe; change it there: `recipe:"):
        _ = made.grid
