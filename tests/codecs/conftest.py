"""The fixture of a third-party codec in an isolated environment, which is built once for all tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from grid.codecs.catalogue import load_catalogue
from grid.codecs.contract import ADAPTERS
from grid.codecs.isolation.building import VARIABLE
from tests.support.tiny_environment import MODULE, Tiny, make_tiny


@pytest.fixture(scope="session")
def tiny_made(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Its files; the first test that needs its environment builds it."""
    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def tiny(tiny_made: Tiny, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tiny]:
    """The codecs `tiny` and `tiny-24khz`, `-weighted` and `-licensed`, installed as far as this Python can tell."""
    monkeypatch.setenv(VARIABLE, str(tiny_made.site.parent / "environments"))
    monkeypatch.syspath_prepend(str(tiny_made.site))
    load_catalogue.cache_clear()
    yield tiny_made
    load_catalogue.cache_clear()
    sys.modules.pop(MODULE, None)
    ADAPTERS._found.pop("tiny-codec", None)
