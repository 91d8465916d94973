"""JSON Schemas of the experiment, recipe and detector files, by which an editor completes and checks them."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

from pydantic import BaseModel

from grid.config.experiment import Experiment
from grid.config.recipe import Recipe
from grid.config.recipe_choice import ChangedRecipe
from grid.core.errors import unknown_name
from grid.detectors.spec import DetectorSpec

FileKind: TypeAlias = Literal["experiment", "recipe", "detector"]
FILE_KINDS: tuple[FileKind, ...] = get_args(FileKind)
MODELS: dict[FileKind, type[BaseModel]] = {"experiment": Experiment, "recipe": Recipe, "detector": DetectorSpec}
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def file_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of the files of a kind; RequestError, with the choices, for an unknown kind.

    It has the keys, types, bounds and words of each value. What depends on other files (names of codecs and
    detectors, options of plug-ins) is checked by `codecgrid plan` alone.
    """
    if kind not in FILE_KINDS:
        raise unknown_name("kind of file", kind, FILE_KINDS)
    schema = {"$schema": DIALECT, **MODELS[kind].model_json_schema()}
    if kind == "experiment":
        recipe = Recipe.model_json_schema(ref_template="#/$defs/{model}")
        schema["$defs"] = {**recipe["$defs"], **schema["$defs"]}
        schema["$defs"][ChangedRecipe.__name__]["properties"] |= recipe["properties"]
        schema["$defs"][ChangedRecipe.__name__]["additionalProperties"] = False
    return schema
