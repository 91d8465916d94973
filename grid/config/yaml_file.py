"""YAML files parsed into pydantic models; error messages have the file and line of the wrong value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from grid.config.yaml_text import FLOAT, PLAIN, PREFIX, compose, construct, is_finite
from grid.core.errors import RequestError, unknown_name

Model = TypeVar("Model", bound=BaseModel)
KeyPath = tuple[str | int, ...]
"""The keys and positions that lead to a value of the file, from the top."""


LONGEST_VALUE = 200
"""Characters of a wrong value that a message repeats."""


class Strict(BaseModel):
    """A frozen model that rejects unknown keys, infinite numbers and NaN, and true and false where a number is due."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_truth_value_as_number(cls, values: Any) -> Any:
        """Pydantic reads true as 1, also in a list."""
        for name, value in values.items() if isinstance(values, dict) else ():
            items = value if isinstance(value, list | tuple) else (value,)
            truth = next((item for item in items if isinstance(item, bool)), None)
            if truth is not None and name in cls.model_fields:
                kinds = _kinds(cls.model_fields[name].annotation)
                if kinds & {int, float} and not kinds & {bool, Any}:
                    raise PlacedError(f"{name}: {str(truth).lower()} is not a number", (name,))
        return values


class PlacedError(RequestError):
    """A wrong value inside the value that a validator checks; `place` leads to it from the validated model."""

    def __init__(self, message: str, place: KeyPath) -> None:
        super().__init__(message)
        self.place = place


def _kinds(annotation: Any) -> set[Any]:
    """The types that an annotation is made of: int and None of `tuple[int, ...] | None`."""
    inner = get_args(annotation)
    if get_origin(annotation) is Annotated:
        inner = inner[:1]
    return set().union(*map(_kinds, inner)) if inner else {annotation}


@dataclass(frozen=True)
class YamlFile:
    """The values of a YAML file and the line number of each; `lines` is empty for values from other sources."""

    path: Path
    values: dict[str, Any]
    lines: dict[KeyPath, int]

    def where(self, *place: str | int) -> str:
        """`file:line` of a value such as `("grid", "selections", 2)`, or of the nearest enclosing value."""
        for end in range(len(place), -1, -1):
            if place[:end] in self.lines:
                return f"{self.path}:{self.lines[place[:end]]}"
        return str(self.path)


def load_yaml(path: str | Path) -> Any:
    """The content of a YAML file as plain Python values; RequestError as those of `yaml_text.compose`."""
    file = Path(path)
    return construct(compose(file), file)


def read_yaml(path: str | Path) -> YamlFile:
    """The YAML file with its line numbers.

    Raises RequestError as `load_yaml` does, for a repeated key, for a value that no setting can be (a date, an infinite
    number, NaN), and when it is not a mapping.
    """
    file = Path(path)
    node = compose(file)
    lines: dict[KeyPath, int] = {}
    if node is not None:
        _collect(node, (), lines, file)
    values = construct(node, file)
    if not isinstance(values, dict):
        raise RequestError(f"{file} must hold a mapping of keys to values, not {type(values).__name__}")
    return YamlFile(file, values, lines)


def _collect(node: yaml.Node, place: KeyPath, lines: dict[KeyPath, int], file: Path) -> None:
    lines.setdefault(place, node.start_mark.line + 1)
    if node.tag not in PLAIN:
        kind = node.tag.removeprefix(PREFIX)
        raise RequestError(
            f"{file}:{lines[place]}: a value of kind {kind!r}, which no setting has; a text needs quotes"
        )
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            where = f"{file}:{key.start_mark.line + 1}"
            if not isinstance(key, yaml.ScalarNode):
                raise RequestError(f"{where}: a key must be a word, not a list or a mapping")
            if key.value in seen:
                raise RequestError(f"{where}: key {key.value!r} is given twice")
            seen.add(key.value)
            lines[(*place, key.value)] = key.start_mark.line + 1
            _collect(value, (*place, key.value), lines, file)
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            _collect(value, (*place, i), lines, file)
    elif "\0" in node.value:
        raise RequestError(f"{file}:{lines[place]}: {'.'.join(map(str, place))}: {node.value!r} has a NUL character")
    elif node.tag == FLOAT and not is_finite(node.value):
        raise RequestError(f"{file}:{lines[place]}: {'.'.join(map(str, place))}: {node.value} is no finite number")


def parse(model: type[Model], file: YamlFile) -> Model:
    """`file` as a `model`; RequestError with one line for each wrong value."""
    try:
        return model.model_validate(file.values)
    except ValidationError as error:
        lines = [_explain(model, file, item) for item in _causes(error.errors())]
        raise RequestError("\n".join(dict.fromkeys(lines))) from error


def _explain(model: type[BaseModel], file: YamlFile, item: Any) -> str:
    place = tuple(part for part in item["loc"] if part in ("__root__",) or _is_value(file, item["loc"], part))
    where = file.where(*place)
    name = ".".join(str(part) for part in place)
    cause = item.get("ctx", {}).get("error")
    if isinstance(cause, PlacedError):
        return f"{file.where(*place, *cause.place)}: {cause}"
    if isinstance(cause, RequestError):
        return f"{where}: {name + ': ' if name else ''}{cause}"
    if item["type"] == "extra_forbidden":
        choices = _fields_at(model, place[:-1])
        if choices:
            return str(unknown_name("key", str(place[-1]), choices, where=where))
    given = repr(item["input"])
    shown = given if len(given) <= LONGEST_VALUE else f"{given[:LONGEST_VALUE]}..."
    value = "" if isinstance(item["input"], dict) else f" (given: {shown})"
    reason = item["msg"].removeprefix("Value error, ")
    return f"{where}: {name + ': ' if name else ''}{reason}{value}"


def _is_value(file: YamlFile, place: KeyPath, part: str | int) -> bool:
    """Whether `part` is a key or a position of the file; pydantic also puts the tags of unions into a place."""
    if not file.lines or isinstance(part, int):
        return True
    return any(part in path for path in file.lines) or part == place[-1]


def _causes(items: list[Any]) -> list[Any]:
    """The errors without those that report a list as too short because of its wrong items."""
    places = [item["loc"] for item in items]

    def follows(item: Any) -> bool:
        own = item["loc"]
        return item["type"] == "too_short" and any(len(p) > len(own) and p[: len(own)] == own for p in places)

    return [item for item in items if not follows(item)]


def _fields_at(model: type[BaseModel], place: KeyPath) -> list[str]:
    """The keys that a mapping at `place` may have; empty where the models do not determine them."""
    current: Any = model
    for part in place:
        current = _plain(_inside(current, part))
    return list(current.model_fields) if _is_model(current) else []


def _inside(annotation: Any, part: str | int) -> Any:
    """The annotation of the value under a key or a position; None where it is not determined."""
    if _is_model(annotation):
        field = annotation.model_fields.get(part)
        return field.annotation if field else None
    inner = get_args(annotation)
    return inner[-1 if get_origin(annotation) is dict else 0] if inner else None


def _plain(annotation: Any) -> Any:
    """An annotation without `Annotated` and `| None`."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        others = [inner for inner in get_args(annotation) if inner is not NoneType]
        return _plain(others[0]) if len(others) == 1 else None
    return annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def config_folder() -> Path:
    """`configs/` of this checkout or of the installed wheel, where it is a sibling of the package `grid`."""
    return Path(__file__).resolve().parents[2] / "configs"
