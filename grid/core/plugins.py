"""Finds plugins by name: one file of a folder is one plugin; other packages add theirs through an entry point."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Generic, TypeVar

from grid.core.errors import RequestError, unknown_name

Plugin = TypeVar("Plugin")


@dataclass(frozen=True)
class PluginNames:
    """The plugins of one kind by name, found without importing any: modules of `package`, entry points of `group`.

    A module of the package carries the plugin's name, `-` written `_`; sub-packages are no plugins. Of two plugins of
    one name the entry point's counts.
    """

    package: str
    group: str

    def modules(self) -> dict[str, str]:
        """The module of each plugin."""
        spec = find_spec(self.package)
        folders = (spec.submodule_search_locations if spec is not None else None) or []
        inner = {
            info.name.replace("_", "-"): f"{self.package}.{info.name}"
            for info in pkgutil.iter_modules(folders)
            if not info.ispkg
        }
        return inner | {point.name: point.value for point in entry_points(group=self.group)}


@dataclass
class Registry(Generic[Plugin]):
    """The plugins of one kind.

    A plugin's module lies in `package` and carries the plugin's name, so listing costs no import (`PluginNames`). A
    third party declares an entry point in the group `codecgrid.<plural>` whose name is the plugin's name and whose
    value is the module to import. The module calls `register(name)` on its class or function.
    """

    kind: str
    package: str
    plural: str = ""
    _found: dict[str, Plugin] = field(default_factory=dict)

    def register(self, name: str) -> Callable[[Plugin], Plugin]:
        """A decorator that puts a class or function under `name`; a second, different one of that name is an error."""

        def add(plugin: Plugin) -> Plugin:
            known = self._found.get(name)
            if known is not None and getattr(known, "__qualname__", 1) != getattr(plugin, "__qualname__", 2):
                raise RequestError(f"two {self.kind} plugins are named {name!r}: {known!r} and {plugin!r}")
            self._found[name] = plugin
            return plugin

        return add

    def names(self) -> list[str]:
        """All names, sorted, without importing a plugin."""
        return sorted(self._modules().keys() | self._found.keys())

    def get(self, name: str, *, where: str = "") -> Plugin:
        """The plugin called `name`; raises RequestError with the nearest choice when there is none."""
        if name not in self._found:
            modules = self._modules()
            if name not in modules:
                raise unknown_name(self.kind, name, self.names(), where=where)
            importlib.import_module(modules[name])
        if name not in self._found:
            raise RequestError(f"module {self._modules()[name]} does not register a {self.kind} named {name!r}")
        return self._found[name]

    def _modules(self) -> dict[str, str]:
        return PluginNames(self.package, f"codecgrid.{self.plural or self.kind + 's'}").modules()
