"""Owns how the name of a detector, policy or evaluation becomes part of a file name."""

from __future__ import annotations

import re

from grid.identity import digest


def slug(text: str) -> str:
    """`text` in lower case, with hyphens for everything that is no letter, digit or dot.

    Text that loses more than its capitals gets four digits of its digest, so that no two names share a file.
    """
    plain = re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")
    return plain if plain == text.lower() else f"{plain}-{digest(text, 4)}".lstrip("-")
