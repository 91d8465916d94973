"""Files of derived results: read only while they are whole and of the sources that are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from grid.core.derived_file import derived_fault, read_derived, write_derived
from grid.core.store import Store
from tests.support.damage import flip_bit_at

PATH = "cell/measurements.json"
SOURCES = {"scores": "ab" * 32}
ITEMS = [{"evaluation": "raw", "eer": 0.12345, "n": 3}, {"evaluation": "cors", "eer": 0.5, "n": 4}]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store.open(tmp_path)
    write_derived(made, PATH, SOURCES, ITEMS)
    return made


def test_items_come_back(store: Store) -> None:
    assert read_derived(store, PATH, SOURCES) == ITEMS
    assert derived_fault(store, PATH, SOURCES) == ""
    assert read_derived(store, "cell/other.json", SOURCES) is None


@pytest.mark.slow
def test_any_flipped_bit_is_noticed_unless_the_content_is_the_same(store: Store) -> None:
    for byte in range(len(store.read_bytes(PATH))):
        flip_bit_at(store, PATH, byte)
        assert read_derived(store, PATH, SOURCES) in (None, ITEMS)  # a space may become another one
        flip_bit_at(store, PATH, byte)


def test_items_of_other_sources_are_not_read(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    assert read_derived(store, PATH, {"scores": "cd" * 32}) is None
    assert "was made from other scores; it is computed again" in caplog.text
    assert derived_fault(store, PATH, None) == ""


def test_a_file_of_an_earlier_version_is_not_read(store: Store) -> None:
    store.write_json(PATH, ITEMS)
    assert read_derived(store, PATH, SOURCES) is None
    assert derived_fault(store, PATH, None) == "is of an earlier version"
