"""Skips tests of Lyra v2 by name where its three graphs, which are Google's and not in the repository, are absent."""

from __future__ import annotations

import pytest

from tests.support.places import SHARED

REASON = "needs ../shared/weights/lyra"
PRESENT = (SHARED / "weights" / "lyra" / "lyragan.tflite").is_file()

needs_lyra = pytest.mark.skipif(not PRESENT, reason=REASON)


def require_lyra() -> None:
    """Skip the running test where the graphs are absent."""
    if not PRESENT:
        pytest.skip(REASON)
