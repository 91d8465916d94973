"""A recipe as an experiment file has it: by name, or a named one with some of its values changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from grid.config.recipe import Recipe, recipe_file
from grid.config.yaml_file import KeyPath, YamlFile, parse, read_yaml

WHOLE = ("kind", "name")
"""A mapping with one of these keys is of that kind: with another value it replaces the one before as a whole."""


class ChangedRecipe(BaseModel):
    """`{base: cpu-lcnn, epochs: 2, optimiser: {learning_rate: 1e-4}}`; all keys but `base` are those of a recipe.

    A cell's identity has the values, not the name, so a changed recipe and a file with the same values are one.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    base: str = Field(description="a recipe by name")

    @property
    def changes(self) -> dict[str, Any]:
        """The values that differ from the base, nested as in the file."""
        return dict(self.model_extra or {})

    @property
    def name(self) -> str:
        """The base with its changes: `cpu-lcnn (epochs 2, optimiser.learning_rate 0.0001)`."""
        words = [f"{'.'.join(path)} {value}" for path, value in _leaves(self.changes)]
        return f"{self.base} ({', '.join(words)})" if words else self.base


def _by_name(value: Any) -> Any:
    return {"base": value} if isinstance(value, str) else value


RecipeChoice: TypeAlias = Annotated[
    ChangedRecipe, BeforeValidator(_by_name, json_schema_input_type=str | ChangedRecipe)
]


def chosen_recipe(choice: ChangedRecipe, file: YamlFile, place: KeyPath, *, beside: Path | None = None) -> Recipe:
    """The recipe at `place` of an experiment file, whose own recipes lie in the folder `recipes` of `beside`.

    Raises RequestError with the line of the wrong value, be it in the experiment file or in the recipe's own.
    """
    base = read_yaml(recipe_file(choice.base, beside=beside, where=file.where(*place)))
    if not choice.changes:
        return parse(Recipe, base)
    parse(Recipe, base)  # so that what is wrong in its own file is told of that file
    lines = {path[len(place) :]: line for path, line in file.lines.items() if path[: len(place)] == place}
    return parse(Recipe, replace(file, values=changed(base.values, choice.changes), lines=lines))


def changed(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with `changes`, key by key in nested mappings; a mapping of another kind or name replaces the whole."""
    result = dict(values)
    for key, change in changes.items():
        before = result.get(key)
        if isinstance(change, Mapping) and isinstance(before, Mapping) and _same_kind(before, change):
            result[key] = changed(before, change)
        else:
            result[key] = change
    return result


def _same_kind(before: Mapping[str, Any], change: Mapping[str, Any]) -> bool:
    return all(change.get(word, before.get(word)) == before.get(word) for word in WHOLE)


def _leaves(values: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value
