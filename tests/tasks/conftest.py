"""Lends the isolated codec of tests/codecs to the tests of the commands."""

from __future__ import annotations

from tests.codecs.conftest import tiny, tiny_made

__all__ = ["tiny", "tiny_made"]
