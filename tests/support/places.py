"""Where the tests find the repository, and the data and weights that are shared beside it."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SHARED = REPOSITORY.parent / "shared"
EXAMPLE_PLUGIN = REPOSITORY / "tests" / "support" / "example_plugin"
