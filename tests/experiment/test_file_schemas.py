"""The JSON Schemas of `configs/schemas`: as the models are, named by every file, and kept by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from grid.config.yaml_file import config_folder, load_yaml
from grid.experiment.file_schemas import FILE_KINDS, FileKind, file_schema
from tests.support.command_line import codecgrid

KIND_OF_FOLDER: dict[str, FileKind] = {"recipes": "recipe", "detectors": "detector"}
FILES = [path for path in sorted(config_folder().rglob("*.yaml")) if "codecs" not in path.parts]
VALIDATORS = {kind: Draft202012Validator(file_schema(kind)) for kind in FILE_KINDS}


def kind_of(path: Path) -> FileKind:
    return KIND_OF_FOLDER.get(path.relative_to(config_folder()).parts[0], "experiment")


def errors(kind: FileKind, values: Any) -> list[str]:
    return [error.message for error in VALIDATORS[kind].iter_errors(values)]


@pytest.mark.parametrize("kind", FILE_KINDS)
def test_the_committed_schema_is_that_of_the_model_and_what_the_command_prints(kind: FileKind) -> None:
    committed = json.loads((config_folder() / "schemas" / f"{kind}.json").read_text(encoding="utf-8"))
    assert committed == file_schema(kind) == codecgrid("schema", kind).json
    Draft202012Validator.check_schema(committed)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(config_folder()).as_posix())
def test_every_file_names_its_schema_in_its_first_line_and_keeps_it(path: Path) -> None:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    named = path.parent / first.removeprefix("# yaml-language-server: $schema=")
    assert named.resolve() == config_folder() / "schemas" / f"{kind_of(path)}.json"
    assert errors(kind_of(path), load_yaml(path)) == []


def demo(**changes: Any) -> dict[str, Any]:
    values = load_yaml(config_folder() / "demo.yaml")
    assert isinstance(values, dict)
    return values | changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"evaluation": {}}, "'evaluation' was unexpected"),
        ({"codec_seed": -1}, "-1"),
        ({"recipe": {"base": "cpu-lcnn", "epoch": 2}}, "is not valid under any of the given schemas"),
        ({"evaluations": {"T-CoSG": {"bonafide": "recording", "spoof": "cosg"}}}, "is not valid under any"),
    ],
)
def test_what_the_model_refuses_is_no_valid_file(changes: dict[str, Any], message: str) -> None:
    (found,) = errors("experiment", demo(**changes))
    assert message in found


def test_short_forms_are_valid() -> None:
    assert errors("experiment", demo(recipe={"base": "cpu-lcnn", "optimiser": {"learning_rate": 0.01}})) == []
    evaluations = {"one": {"bonafide": ["raw", "cors"], "spoof": "cosg", "by": "codec", "corpora": "sample"}}
    assert errors("experiment", demo(evaluations=evaluations)) == []


def test_an_unknown_kind_is_told_with_the_choices() -> None:
    ended = codecgrid("schema", "experment")
    assert (ended.status, "did you mean 'experiment'" in ended.err) == (2, True)
