"""Tests of `codecgrid prefetch`: weights found on this machine go into the root, and what is missing is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import codecgrid
from tests.support.tiny_grid import DETECTOR, Tiny, tiny, write_yaml

MODEL = "facebook/wav2vec2-base"


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tiny:
    """An experiment with an encoder of random weights whose configuration is on the hub, on a machine without both."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("CODECGRID_WEIGHTS", str(tmp_path / "weights"))
    made = tiny(tmp_path, grid={"selections": ["mu-law"]})
    frontend = {"name": "ssl", "options": {"model": MODEL, "weights": "random"}}
    parts = {"frontend": frontend, "backend": {"name": "mean-pool", "options": {}}}
    write_yaml(tmp_path / "detectors" / "tiny.yaml", {**DETECTOR, **parts})
    return made


def test_prefetch_puts_what_is_here_into_the_root_and_ends_with_zero(made: Tiny, tmp_path: Path) -> None:
    file = tmp_path / "weights" / MODEL / "config.json"
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    arguments = ("prefetch", made.config, "--root", made.store.root)
    ended = codecgrid(*arguments, "--json")
    assert ended.status == 0
    (row,) = ended.json
    assert (row["path"], row["used_by"], row["bytes"], row["missing"]) == (f"{MODEL}/config.json", ["tiny"], 2, "")
    assert row["source"] == f"hub:{MODEL}"
    assert Path(row["place"]).read_text() == "{}"
    file.unlink()
    assert codecgrid(*arguments).out.splitlines()[-1] == f"1 of 1 files are there for {made.store.root}"


def test_prefetch_names_what_is_missing_and_ends_with_three(made: Tiny, tmp_path: Path) -> None:
    ended = codecgrid("prefetch", made.config, "--root", made.store.root)
    assert ended.status == 3
    assert f"missing: weights {MODEL}/config.json are missing; source: hub:{MODEL}; put the file at" in ended.out
    assert str(tmp_path / "weights" / MODEL / "config.json") in ended.out
