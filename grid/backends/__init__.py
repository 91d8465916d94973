"""Backends: features to logits. One file of this folder is one backend; files that start with `_` are their parts."""

from __future__ import annotations

from typing import Any

from grid.backends.contract import Backend
from grid.plugins import Registry

BACKENDS: Registry[type[Backend[Any]]] = Registry(
    kind="backend", package="grid.backends", exclude=frozenset({"contract"})
)
