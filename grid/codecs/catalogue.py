"""The catalogue of codecs: catalogue.yaml and the entries of other packages.

Looks entries up by name or letter, builds codecs, reports what a codec lacks on this machine, gives the identity of a
codec (everything that can change its samples), and requires that restrictive licences are accepted.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from grid.codecs.contract import ADAPTERS, CONTRACT_REVISION, RESAMPLER, Codec
from grid.codecs.entry import CatalogueEntry
from grid.codecs.isolation.adapter import IsolatedAdapter, inside
from grid.codecs.isolation.building import Environment, current_environment, environment
from grid.codecs.isolation.declaration import declaration, find_declaration
from grid.config.yaml_file import load_yaml
from grid.core.entry_points import entry_points
from grid.core.errors import MissingRequirementError, RequestError, unknown_name
from grid.core.identity import Json, plain
from grid.core.vocabulary import SAMPLE_RATE
from grid.core.weight_file import WeightFile
from grid.core.weights import WeightFinder

FILE = Path(__file__).resolve().parent / "catalogue.yaml"
ENTRY_POINTS = "codecgrid.codecs"
COMMAND = "codecgrid codecs"
Paper = Literal["codecfake", "codecfake_plus", "cdd"]


@dataclass(frozen=True)
class Catalogue:
    """All codec configurations, in the order of the file, followed by those of other packages."""

    entries: tuple[CatalogueEntry, ...]

    def __iter__(self) -> Iterator[CatalogueEntry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def names(self) -> list[str]:
        """All names in catalogue order."""
        return [entry.name for entry in self.entries]

    def get(self, name: str, where: str = "") -> CatalogueEntry:
        """The entry called `name`; RequestError, with `where` and the nearest choice, when there is none."""
        for entry in self.entries:
            if entry.name == name:
                return entry
        raise unknown_name("codec", name, self.names(), where=where, command=COMMAND)

    def by_letter(self, paper: Paper, letter: str) -> CatalogueEntry:
        """The entry that a paper's table calls `letter`, such as `by_letter("codecfake_plus", "D1")`."""
        lettered = {getattr(entry.letters, paper): entry for entry in self.entries if getattr(entry.letters, paper)}
        if letter not in lettered:
            raise unknown_name(f"{paper} letter", letter, lettered, command=COMMAND)
        return lettered[letter]


@lru_cache(maxsize=1)
def load_catalogue() -> Catalogue:
    """catalogue.yaml and the `CATALOGUE` lists of other packages' modules; RequestError names the invalid entry."""
    rows = load_yaml(FILE)["codecs"]
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

    A codec with an isolated environment runs there through a bridge; the environment is built at the first use. Raises
    RequestError for an unknown name and MissingRequirementError for a missing adapter, package or declaration of an
    environment; missing weights are reported when the adapter loads them, because they may be fetched then.
    """
    entry = load_catalogue().get(name)
    if entry.isolated and (here := current_environment()) and here.declared.name == entry.isolated:
        return Codec(inside(entry, here, device, weights))
    missing = missing_code(entry)
    if missing or entry.adapter is None:
        raise MissingRequirementError(f"codec {name} cannot run here: {'; '.join(missing)}. See: {COMMAND} {name}")
    if entry.isolated is None:
        return Codec(ADAPTERS.get(entry.adapter)(entry, device=device, weights=weights))
    declared = declaration(entry.isolated, where=f"codec {name}")
    return Codec(IsolatedAdapter(entry, declared, device=device, weights=weights))


def built_environment(name: str) -> Environment | None:
    """The isolated environment of the codec called `name`, if it has one and it is built on this machine, else None."""
    entry = load_catalogue().get(name)
    declared = find_declaration(entry.isolated) if entry.isolated else None
    made = environment(declared) if declared else None
    return made if made and made.built else None


def runnable(entry: CatalogueEntry, finder: WeightFinder | None = None) -> list[str]:
    """What this machine lacks to run `entry`, one line each; empty when it can run. Imports no heavy package."""
    weights = finder or WeightFinder()
    declared = find_declaration(entry.isolated) if entry.isolated else None
    required = separate_weights(entry)
    lacking = [weights.missing_message(weight) for weight in required if weights.locate(weight) is None]
    if lacking and not weights.offline and all(weight.source for weight in required):
        lacking[-1] += " They are fetched at first use where the network allows it."
    unbuilt = []
    if declared and not environment(declared).built:
        unbuilt = [f"its environment {declared.name} is not built; build it: {COMMAND} build {entry.name}"]
    return [*missing_code(entry), *unbuilt, *lacking]


def separate_weights(entry: CatalogueEntry) -> list[WeightFile]:
    """The weights of `entry` without those that come with a checkout of its environment."""
    declared = find_declaration(entry.isolated) if entry.isolated else None
    return [weight for weight in entry.weights if not (declared and declared.holds(weight.path))]


def identity(entry: CatalogueEntry) -> dict[str, Json]:
    """Everything that can change the samples of a codec, as JSON; loads neither weights nor heavy packages.

    A codec in an isolated environment has the digest of that environment's declaration, null if there is none; a codec
    of the core has no such field.
    """
    revision = ADAPTERS.get(entry.adapter).revision if entry.adapter else None
    weights = [{"path": item.path, "source": item.source, "sha256": item.sha256} for item in entry.weights]
    fields = {
        "name": entry.name,
        "adapter": entry.adapter,
        "revision": revision,
        "contract": CONTRACT_REVISION,
        "native_rate": entry.native_rate,
        "level": entry.level,
        "arguments": entry.arguments,
        "weights": weights,
        "resampler": RESAMPLER if entry.native_rate != SAMPLE_RATE else None,
    }
    if entry.isolated is not None:
        declared = find_declaration(entry.isolated)
        fields["environment"] = declared.digest if declared else None
    return {key: plain(value) for key, value in fields.items()}


def missing_code(entry: CatalogueEntry) -> list[str]:
    """The adapter, package or declaration of an environment that `entry` lacks here, a line for each."""
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


def require_accepted(entries: Iterable[CatalogueEntry], accepted: Iterable[str], how: str = "") -> None:
    """RequestError unless every entry whose licence must be accepted is among the `accepted` names.

    The message has the licence and how to accept it: the line of the experiment file, or `how` where there is no
    experiment file, such as `--accept-licence`.
    """
    accepted_names = set(accepted)
    pending = [entry for entry in entries if entry.accept_licence and entry.name not in accepted_names]
    if not pending:
        return
    names = sorted({entry.name for entry in pending})
    licences = "; ".join(f"{entry.name}: {entry.licence or 'no licence known'}" for entry in pending)
    line = how or f"write in the experiment file\n  accept_licence: [{', '.join([*sorted(accepted_names), *names])}]"
    raise RequestError(f"the licence of {', '.join(names)} has to be accepted ({licences}). If you may use it, {line}")
