"""The shortcut check on a tiny grid: features stored with their rendition, computed once, and a leak that is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from grid.analysis.shortcuts import measure_shortcuts, rendition_features
from grid.metrics.shortcut_features import FEATURES
from tests.support.damage import flip_bit_at
from tests.support.tiny_grid import tiny

EVALUATIONS = {"all": {"bonafide": ["raw", "cors"], "spoof": "attack", "by": ["bonafide-codec", "attack"]}}


def test_shortcuts_of_every_condition_find_attacks_of_one_length(tmp_path: Path) -> None:
    made = tiny(tmp_path, grid={"selections": ["mu-law"], "policies": ["spoof"]}, evaluations=EVALUATIONS)
    grid = made.rendered()
    folders = grid.cells[0].scored
    found = measure_shortcuts(made.store, grid.experiment, folders)
    duration = {item.condition: item for item in found if item.feature == "duration"}
    assert set(duration) == {"pooled", "bonafide-codec=mu-law", "attack=buzz"}
    # recordings last 0.3 and 0.4 s, attacks 0.3 s
    of_attack, pooled = duration["attack=buzz"].separation, duration["pooled"].separation
    assert (of_attack.n_bonafide, of_attack.n_spoof) == (8, 4)
    assert pooled.bonafide_is_larger
    assert pooled.bonafide_median == pytest.approx(0.35)
    assert pooled.spoof_median == pytest.approx(0.3)
    # the attack's noise is loud and its tones are too: level alone tells nearly all
    level = next(item for item in found if item.feature == "level" and item.condition == "pooled")
    assert level.separation.eer < 0.5
    # made once: what lies there is read
    paths = [f"{folder}/features-2-test.parquet" for folder in folders]
    before = [made.store.read_bytes(path) for path in paths]
    for folder in folders:
        made.store.remove(f"{folder}/shard-00000.parquet")
    assert measure_shortcuts(made.store, grid.experiment, folders) == found
    assert [made.store.read_bytes(path) for path in paths] == before
    assert rendition_features(made.store, folders[0]).column_names == ["utterance_id", *FEATURES]


def test_damaged_features_are_computed_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = tiny(tmp_path, grid={"selections": ["mu-law"], "policies": ["spoof"]}, evaluations=EVALUATIONS)
    folder = made.rendered().cells[0].scored[0]
    table = rendition_features(made.store, folder)
    path = f"{folder}/features-2-test.parquet"
    for place in range(30, 200, 10):  # in the pages of the first columns
        flip_bit_at(made.store, path, place)
        assert rendition_features(made.store, folder).equals(table)
    assert "is damaged" in caplog.text


def test_shortcuts_before_anything_is_rendered_are_none(tmp_path: Path) -> None:
    made = tiny(tmp_path, grid={"selections": ["mu-law"], "policies": ["spoof"]}, evaluations=EVALUATIONS)
    made.corpora()
    grid = made.grid
    assert measure_shortcuts(made.store, grid.experiment, grid.cells[0].scored) == ()
