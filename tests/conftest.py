"""Owns the fixtures that every test may use: where the shared speech and weights lie."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_speech() -> Path:
    """The folder of real speech with its `protocol.csv`; skips the test where it is absent."""
    return _present(SHARED / "speech")


@pytest.fixture(scope="session")
def shared_weights() -> Path:
    """The folder of pretrained weights (lyra, aasist); skips the test where it is absent."""
    return _present(SHARED / "weights")


def _present(folder: Path) -> Path:
    if not folder.is_dir():
        pytest.skip(f"needs ../shared/{folder.name}")
    return folder
