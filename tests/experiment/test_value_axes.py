"""Values of recipe and detector as axes: the variants they make, what names them, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from grid.core.errors import RequestError
from grid.experiment.grid import Grid
from tests.support.tiny_grid import Tiny, tiny

RATE, CHANNELS = "recipe.optimiser.learning_rate", "detector.backend.options.channels"
DROPOUT = "detector.backend.options.dropout"


def with_axes(folder: Path, axes: dict[str, Any], **grid: Any) -> Tiny:
    made = tiny(folder, grid={"selections": ["mu-law"], "policies": ["none", "spoof"], "axes": axes, **grid})
    made.corpus()
    return made


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Grid:
    return with_axes(tmp_path_factory.mktemp("axes"), {RATE: [0.001, 0.01], DROPOUT: [0.0, 0.3]}).grid


def test_every_combination_is_a_variant_of_the_detector(grid: Grid) -> None:
    names = [f"tiny learning_rate={rate} dropout={dropout}" for rate in (0.001, 0.01) for dropout in (0.0, 0.3)]
    assert list(grid.experiment.grid.detectors) == list(grid.recipes) == list(grid.detectors) == names
    assert len(grid.cells) == 2 * 4
    assert len({cell.cell_id for cell in grid.cells}) == 8


def test_a_variant_has_its_values_and_else_those_of_the_files(grid: Grid) -> None:
    name = "tiny learning_rate=0.01 dropout=0.0"
    assert grid.recipes[name].optimiser.learning_rate == 0.01
    assert grid.recipes[name].crop.samples == 4800
    assert grid.detectors[name].backend.options["dropout"] == 0.0
    assert grid.detectors[name].backend.options["recurrent"] is True


def test_a_variant_with_the_values_of_the_files_is_the_cell_without_axes(grid: Grid, tmp_path: Path) -> None:
    plain = with_axes(tmp_path / "plain", {}).grid
    same = with_axes(tmp_path / "same", {RATE: [0.002], DROPOUT: [0.3]}).grid
    assert [cell.cell_id for cell in same.cells] == [cell.cell_id for cell in plain.cells]


def test_rules_of_a_detector_are_about_all_its_variants(tmp_path: Path) -> None:
    rule = {"detectors": ["tiny"], "policies": ["spoof"]}
    found = with_axes(tmp_path, {RATE: [0.001, 0.01]}, exclude=[rule]).grid
    assert {cell.policy for cell in found.cells} == {"none"}


def test_the_recipe_of_a_variant_in_words(grid: Grid) -> None:
    experiment = grid.experiment
    assert experiment.recipe_name("tiny learning_rate=0.01 dropout=0.0") == "tiny, learning_rate=0.01 dropout=0.0"
    assert experiment.recipe_name("tiny") == "tiny"


@pytest.mark.parametrize(
    ("axes", "error"),
    [
        ({"learning_rate": [1e-4]}, r"tiny.yaml:\d+: axis 'learning_rate' names no value; write `recipe.KEY`"),
        ({"recipe.epoch": [1]}, r"tiny.yaml:\d+: tiny epoch=1: .*unknown key 'epoch'; did you mean 'epochs'"),
        ({"recipe.epochs": []}, r"at least 1 item"),
        ({"detector.backend.options.head": [8]}, r"tiny.yaml:\d+: tiny head=8: .*head"),
        ({CHANNELS: [3]}, r"tiny.yaml:\d+: tiny channels=3: "),
    ],
)
def test_refused(axes: dict[str, Any], error: str, tmp_path: Path) -> None:
    made = tiny(tmp_path, grid={"axes": axes})
    with pytest.raises(RequestError, match=error):
        _ = made.grid
