"""Plugins by name: each module of a package is one plugin, and other packages add theirs through entry points."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Generic, TypeVar

from grid.core.entry_points import entry_points
from grid.core.errors import RequestError, unknown_name

Plugin = TypeVar("Plugin")


@dataclass(frozen=True)
class PluginNames:
    """The plugins of one kind by name, found without importing any: modules of `package`, entry points of `group`.

    A module of the package has the plugin's name, with `_` for `-`; sub-packages are not plugins. An entry point takes
    precedence over a module of the same name.
    """

    package: str
    group: str

    def modules(self) -> dict[str, str]:
        """The dotted name of each plugin's module, by plugin name."""
        spec = find_spec(self.package)
        folders = (spec.submodule_search_locations if spec is not None else None) or []
        own = {
            info.name.replace("_", "-"): f"{self.package}.{info.name}"
            for info in pkgutil.iter_modules(folders)
            if not info.ispkg
        }
        return own | {point.name: point.value for point in entry_points(group=self.group)}


@dataclass
class Registry(Generic[Plugin]):
    """The plugins of one kind, imported when they are first asked for.

    A plugin's module lies in `package` and has the plugin's name, so listing imports nothing (`PluginNames`). Another
    distribution declares an entry point in the group `codecgrid.<plural>` whose name is the plugin's name and whose
    value is the module to import. The module calls `register(name)` on its class or function.
    """

    kind: str
    package: str
    plural: str = ""
    _found: dict[str, Plugin] = field(default_factory=dict)

    def register(self, name: str) -> Callable[[Plugin], Plugin]:
        """A decorator that registers a class or function as `name`; RequestError for a second, different one."""

        def add(plugin: Plugin) -> Plugin:
            earlier = self._found.get(name)
            if earlier is not None and getattr(earlier, "__qualname__", 1) != getattr(plugin, "__qualname__", 2):
                raise RequestError(f"two {self.kind} plugins are named {name!r}: {earlier!r} and {plugin!r}")
            self._found[name] = plugin
            return plugin

        return add

    def names(self) -> list[str]:
        """All names, sorted, without importing a plugin."""
        return sorted(self._modules().keys() | self._found.keys())

    def get(self, name: str, *, where: str = "") -> Plugin:
        """The plugin called `name`; RequestError, with the nearest choice and `where`, when there is none."""
        if name not in self._found:
            modules = self._modules()
            if name not in modules:
                raise unknown_name(self.kind, name, self.names(), where=where)
            importlib.import_module(modules[name])
        if name not in self._found:
            raise RequestError(f"module {self._modules()[name]} does not register a {self.kind} named {name!r}")
        return self._found[name]

    def docstring(self, name: str) -> str:
        """The docstring of the module of the plugin called `name`; RequestError as `get`."""
        self.get(name)
        return inspect.getdoc(sys.modules[self._modules()[name]]) or ""

    def _modules(self) -> dict[str, str]:
        return PluginNames(self.package, f"codecgrid.{self.plural or self.kind + 's'}").modules()
