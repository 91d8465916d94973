"""Effects of finished cells: one codec at two bit rates, in training and in test, against the measured EERs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from grid.analysis.effects.compute import effects
from grid.analysis.results import results_from_store
from grid.codecs.catalogue import Catalogue
from grid.core.errors import RequestError
from grid.experiment.grid import Grid
from grid.measuring.measure import measure_cell
from grid.report.about import describe
from grid.report.assemble import assemble
from grid.run_cell import run_cell
from tests.support.tiny_grid import Tiny, tiny

LOW, HIGH = "opus-6kbps", "opus-16kbps"
OTHERS = ("gsm-06.10", "mu-law")
FIELDS: dict[str, Any] = {
    "grid": {"selections": [LOW, HIGH], "policies": ["spoof"], "seeds": [0, 1]},
    "evaluation_codecs": list(OTHERS),
    "evaluations": {"CoRS-spoof": {"bonafide": "raw", "spoof": "cors", "by": "codec"}},
    "effects": {"evaluation": "CoRS-spoof", "replicates": 100},
}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, Grid]:
    """One codec at two bit rates, two seeds, finished."""
    torch.set_num_threads(1)
    made = tiny(tmp_path_factory.mktemp("effects"), recipe={"epochs": 1}, **FIELDS)
    grid = made.rendered()
    for job in grid.cells:
        assert run_cell(made.store, job, grid.experiment, gpu=False)
    return made, grid


@pytest.mark.slow
def test_effect_is_the_mean_difference_of_the_measured_eers(done: tuple[Tiny, Grid]) -> None:
    made, grid = done
    eers = {
        (job.codecs[0], job.seed, measured.condition): measured.eer
        for job in grid.cells
        for measured in measure_cell(made.store, job, grid.experiment)
    }
    differences = [
        eers[HIGH, seed, f"codec={codec}"] - eers[LOW, seed, f"codec={codec}"] for seed in (0, 1) for codec in OTHERS
    ]
    (found,) = effects(made.store, grid)
    assert (found.evaluation, found.policy, found.detector) == ("CoRS-spoof", "spoof", "tiny")
    assert (found.seeds, found.speakers, found.level) == ((0, 1), 2, 0.95)
    (row,) = found.rows
    assert (row.contrast.words, row.pairs) == ("bit rate 6.4 to 16.3 kbit/s", ((LOW, HIGH),))
    outside = row.effect("outside the family")
    assert (outside.difference, outside.codecs) == (pytest.approx(sum(differences) / 4), 2)
    assert outside.lower <= outside.difference <= outside.upper
    assert found.main == ()
    assert found.side == "training"  # with the two rates alone to train on, there is no third to test the two against
    assert repr(effects(made.store, grid)) == repr((found,))


@pytest.mark.slow
def test_report_has_the_table_and_the_figure(done: tuple[Tiny, Grid], tmp_path: Path) -> None:
    made, grid = done
    results = results_from_store(made.store, grid.experiment, grid.cells)
    assemble(replace(results, effects=effects(made.store, grid)), tmp_path, describe(grid.experiment))
    files = {path.name for path in tmp_path.iterdir() if path.name.startswith("effects-")}
    (name,) = {path.rsplit(".", 1)[0] for path in files}
    assert files == {f"{name}.{suffix}" for suffix in ("md", "csv", "tex", "png")}
    assert "bit rate 6.4 to 16.3 kbit/s" in (tmp_path / f"{name}.md").read_text(encoding="utf-8")
    assert f"{name}.png" in (tmp_path / "index.md").read_text(encoding="utf-8")


def test_codecs_that_differ_in_the_taxonomy_have_main_effects(done: tuple[Tiny, Grid], tmp_path: Path) -> None:
    made, grid = done
    places = {LOW: {"qua": "Mvq", "dec": "Time"}, HIGH: {"qua": "Svq", "dec": "Freq"}}
    placed = Catalogue(tuple(entry.model_copy(update=places.get(entry.name, {})) for entry in grid.catalogue))
    found, turned = effects(made.store, replace(grid, catalogue=placed))
    assert (found.side, found.rows, turned.side) == ("training", (), "test")
    (main,) = found.main
    assert (main.members, main.seeds, main.codecs) == ((LOW, HIGH), (0, 1), 2)
    assert main.terms == ("QUA Mvq to Svq", "DEC Time to Freq", "bit rate doubled")
    results = results_from_store(made.store, grid.experiment, grid.cells)
    assemble(replace(results, effects=(found,)), tmp_path, describe(grid.experiment))
    (text,) = [path.read_text(encoding="utf-8") for path in tmp_path.glob("main-effects-*.md")]
    assert "no model: 2 codecs are too few for 4 parameters" in text


def test_an_experiment_that_asks_for_none_has_none(done: tuple[Tiny, Grid]) -> None:
    made, grid = done
    asked = grid.experiment.model_copy(update={"effects": None})
    assert effects(made.store, Grid(asked, grid.corpora, grid.catalogue, grid.recipes, grid.detectors)) == ()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"evaluation": "row"}, r"effects: evaluation 'row' is none of raw, cors"),
        ({"evaluation": ["raw"]}, r"effects: evaluation 'raw' has no conditions per codec; give it `by: \[codec\]`"),
    ],
)
def test_evaluations_that_cannot_show_effects_are_refused(tmp_path: Path, asked: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        _ = tiny(tmp_path, effects=asked).grid
