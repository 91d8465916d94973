"""The catalogue of codecs: reads catalogue.yaml and third-party entries, looks up, builds, says what is missing."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ValidationError

from grid.codecs.contract import ADAPTERS, Codec
from grid.codecs.entry import CatalogueEntry
from grid.codecs.environments.building import Environment, current_environment, environment
from grid.codecs.environments.declaration import declaration, find_declaration
from grid.codecs.isolated import IsolatedAdapter, inside
from grid.codecs.weights import WeightFinder
from grid.errors import MissingRequirementError, RequestError, unknown_name

FILE = Path(__file__).resolve().parent / "catalogue.yaml"
ENTRY_POINTS = "codecgrid.codecs"
COMMAND = "codecgrid codecs"

Paper = Literal["codecfake", "codecfake_plus", "cdd"]


@dataclass(frozen=True)
class Catalogue:
    """All codec configurations known here, in the order of the file, third parties' last."""

    entries: tuple[CatalogueEntry, ...]

    def __iter__(self) -> Iterator[CatalogueEntry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def names(self) -> list[str]:
        """All names in catalogue order."""
        return [entry.name for entry in self.entries]

    def get(self, name: str, where: str = "") -> CatalogueEntry:
        """The entry called `name`; RequestError with the nearest choice when there is none."""
        for entry in self.entries:
            if entry.name == name:
                return entry
        raise unknown_name("codec", name, self.names(), where=where, command=COMMAND)

    def by_letter(self, paper: Paper, letter: str) -> CatalogueEntry:
        """The entry a paper's table calls `letter`, such as `by_letter("codecfake_plus", "D1")`."""
        lettered = {getattr(entry.letters, paper): entry for entry in self.entries if getattr(entry.letters, paper)}
        if letter not in lettered:
            raise unknown_name(f"{paper} letter", letter, lettered, command=COMMAND)
        return lettered[letter]


@lru_cache(maxsize=1)
def load_catalogue() -> Catalogue:
    """catalogue.yaml and the `CATALOGUE` lists of third-party modules; RequestError names the entry that is wrong."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    rows = yaml.load(FILE.read_text(encoding="utf-8"), Loader=loader)["codecs"]
    entries = [_entry(row, FILE.name) for row in rows]
    for point in entry_points(group=ENTRY_POINTS):
        module = importlib.import_module(point.value)
        entries += [_entry(row, point.value) for row in getattr(module, "CATALOGUE", [])]
    names = [entry.name for entry in entries]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RequestError(f"the codec catalogue names these twice: {', '.join(twice)}")
    return Catalogue(tuple(entries))


def build(name: str, device: str = "cpu", weights: WeightFinder | None = None) -> Codec:
    """The codec called `name`, ready to use on `device`.

    A codec whose environment is not this one gets a bridge to it; the environment is built at the first use. Raises
    RequestError for an unknown name and MissingRequirementError for a missing adapter, package or declaration of an
    environment; missing weights are reported when the adapter loads them, because they may be fetched then.
    """
    entry = load_catalogue().get(name)
    if entry.isolated and (here := current_environment()) and here.declared.name == entry.isolated:
        return Codec(inside(entry, here, device, weights))
    missing = _missing_code(entry)
    if missing or entry.adapter is None:
        raise MissingRequirementError(f"codec {name} cannot run here: {'; '.join(missing)}. See: {COMMAND} {name}")
    if entry.isolated is None:
        return Codec(ADAPTERS.get(entry.adapter)(entry, device=device, weights=weights))
    declared = declaration(entry.isolated, where=f"codec {name}")
    return Codec(IsolatedAdapter(entry, declared, device=device, weights=weights))


def built_environment(name: str) -> Environment | None:
    """The environment of the codec called `name` when it has one of its own and that is built here, else None."""
    entry = load_catalogue().get(name)
    declared = find_declaration(entry.isolated) if entry.isolated else None
    made = environment(declared) if declared else None
    return made if made and made.built else None


def runnable(entry: CatalogueEntry, finder: WeightFinder | None = None) -> list[str]:
    """What this machine lacks to run `entry`, one line each; empty when it can run. Looks only: no heavy import."""
    weights = finder or WeightFinder()
    declared = find_declaration(entry.isolated) if entry.isolated else None
    wanted = [weight for weight in entry.weights if not (declared and declared.holds(weight.path))]
    lacking = [weights.missing_message(weight) for weight in wanted if weights.locate(weight) is None]
    if lacking and not weights.offline and all(weight.source for weight in wanted):
        lacking[-1] += " They are fetched at first use where the network allows it."
    unbuilt = []
    if declared and not environment(declared).built:
        unbuilt = [f"its environment {declared.name} is not built; build it: {COMMAND} build {entry.name}"]
    return [*_missing_code(entry), *unbuilt, *lacking]


def _missing_code(entry: CatalogueEntry) -> list[str]:
    lines = []
    if entry.adapter is None or entry.adapter not in ADAPTERS.names():
        reason = f" ({entry.environment})" if entry.environment != "core" else ""
        lines.append(f"no adapter yet for the family {entry.family}{reason}")
    absent = [module for module in entry.imports if find_spec(module) is None]
    if entry.isolated is not None:
        if find_declaration(entry.isolated) is None:
            lines.append(f"nothing declares its environment: grid/codecs/environments/{entry.isolated}.yaml")
    elif absent:
        lines.append(f"package {', '.join(absent)} is not installed; install {entry.package or entry.upstream}")
    return lines


def _entry(row: dict[str, Any], place: str) -> CatalogueEntry:
    try:
        return CatalogueEntry.model_validate(row)
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise RequestError(f"{place}: codec {row.get('name', '?')!r}: {field}: {problem['msg']}") from error
