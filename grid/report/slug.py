"""Owns the file names of tables and figures, and the formatting of words into them."""

from __future__ import annotations

import re


def slug(text: str) -> str:
    """`text` in lower case with hyphens for everything that is no letter, digit or dot; `all` if nothing is left."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.") or "all"
