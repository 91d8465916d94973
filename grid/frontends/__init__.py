"""Frontends: waveform to features. One file of this folder is one frontend."""

from __future__ import annotations

from typing import Any

from grid.frontends.contract import Frontend
from grid.plugins import Registry

FRONTENDS: Registry[type[Frontend[Any]]] = Registry(
    kind="frontend", package="grid.frontends", exclude=frozenset({"contract"})
)
