"""Tests of the entry points of installed packages: of every package on the path, and scanned once for each path."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from grid.core.entry_points import entry_points
from tests.support.installed_plugin import install_entry_point


def test_entry_points_are_those_of_the_packages_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = install_entry_point(tmp_path / "site", "attacks", "theirs", "their_attack")
    assert "theirs" not in entry_points("codecgrid.attacks").names
    monkeypatch.syspath_prepend(str(site))
    assert entry_points("codecgrid.attacks")["theirs"].value == "their_attack"
    assert "theirs" not in entry_points("codecgrid.codecs").names


def test_entry_points_are_read_once_for_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = install_entry_point(tmp_path / "site", "attacks", "theirs", "their_attack")
    monkeypatch.syspath_prepend(str(site))
    assert "theirs" in entry_points("codecgrid.attacks").names
    shutil.rmtree(site)
    assert "theirs" in entry_points("codecgrid.attacks").names
