"""Bounds of options that are numbers."""

from __future__ import annotations

from grid.core.errors import RequestError


def require_within(option: str, value: float, least: float, most: float) -> None:
    """RequestError, in one line with the value and the bounds, unless `value` is from `least` to `most`."""
    if not least <= value <= most:  # NaN neither
        raise RequestError(f"{option} {value}: it must be from {least} to {most}")
