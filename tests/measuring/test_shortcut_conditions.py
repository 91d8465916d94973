"""The shortcut conditions of a cell: which trials they hold, their numbers, and the file that keeps them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grid.core.record import read_record
from grid.experiment.grid import Grid
from grid.measuring.measure import measure_cell, trials_of
from grid.measuring.shortcut_conditions import ShortcutConditions, shortcut_conditions
from grid.metrics.calibration import auc, error_rates
from grid.metrics.detection import eer
from grid.run_cell import run_cell
from tests.support.tiny_grid import Tiny, tiny

CODECS = ["mu-law", "gsm-06.10"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, Grid]:
    """One cell of a corpus with attacks of its own, whose evaluations test on them as they are alone."""
    made = tiny(
        tmp_path_factory.mktemp("conditions"),
        grid={"selections": CODECS, "policies": ["none"]},
        evaluations={"Plain": {"bonafide": "raw", "spoof": "attack"}},
        encoding_shortcut={},
        shortcut_controls={},
    )
    grid = made.rendered()
    assert run_cell(made.store, grid.cells[0], grid.experiment, gpu=False)
    return made, grid


@pytest.fixture(scope="module")
def found(trained: tuple[Tiny, Grid]) -> ShortcutConditions:
    made, grid = trained
    return shortcut_conditions(made.store, grid.cells[0], grid.experiment)


def scores(trained: tuple[Tiny, Grid], chain: str, role: str) -> Any:
    made, grid = trained
    table = trials_of(made.store, grid.cells[0], grid.cells[0].tested).table
    return table[(table["chain"] == chain) & (table["role"] == role)]["score"].to_numpy()


def test_every_codec_has_its_three_conditions_beside_the_plain_one(found: ShortcutConditions) -> None:
    assert [(item.codec, item.encoded) for item in found.encoding] == [
        ("", "neither"),
        *((codec, encoded) for codec in CODECS for encoded in ("bona fide", "spoof", "both")),
    ]
    assert {(item.numbers.n_bonafide, item.numbers.n_spoof) for item in found.encoding} == {(4, 4)}


def test_numbers_are_those_of_the_trials_by_definition(trained: tuple[Tiny, Grid], found: ShortcutConditions) -> None:
    made, grid = trained
    record = read_record(made.store, grid.cells[0].folder)
    assert record is not None
    classes = {
        ("", "neither"): (scores(trained, "raw", "raw"), scores(trained, "raw", "attack")),
        ("mu-law", "bona fide"): (scores(trained, "mu-law", "cors"), scores(trained, "raw", "attack")),
        ("mu-law", "spoof"): (scores(trained, "raw", "raw"), scores(trained, "own~mu-law", "cosg")),
        ("mu-law", "both"): (scores(trained, "mu-law", "cors"), scores(trained, "own~mu-law", "cosg")),
    }
    for item in found.encoding[:4]:
        pair = classes[item.codec, item.encoded]
        assert [len(each) for each in pair] == [4, 4]
        assert item.numbers.eer == eer(*pair).eer
        assert item.numbers.auc == auc(*pair)
        threshold = record.results["dev_threshold"]
        assert item.numbers.balanced_accuracy == error_rates(*pair, threshold).balanced_accuracy
        assert item.numbers.eer_lower <= item.numbers.eer <= item.numbers.eer_upper


def test_controls_measure_the_evaluation_on_the_same_utterances(
    trained: tuple[Tiny, Grid], found: ShortcutConditions
) -> None:
    made, grid = trained
    assert [item.control for item in found.controlled] == ["", "silence-cut", "low-pass-4khz", "equal-level"]
    assert {(item.numbers.n_bonafide, item.numbers.n_spoof) for item in found.controlled} == {(4, 4)}
    (plain,) = measure_cell(made.store, grid.cells[0], grid.experiment)
    assert found.controlled[0].numbers.eer == plain.eer
    low_pass = found.controlled[2].numbers
    pair = (scores(trained, "low-pass-4khz", "raw"), scores(trained, "low-pass-4khz", "attack"))
    assert low_pass.eer == eer(*pair).eer
    assert not np.array_equal(pair[0], scores(trained, "raw", "raw"))


def test_evaluations_do_not_see_what_the_conditions_added(trained: tuple[Tiny, Grid]) -> None:
    made, grid = trained
    (plain,) = measure_cell(made.store, grid.cells[0], grid.experiment)
    assert (plain.n_bonafide, plain.n_spoof) == (4, 4)
    assert len(grid.cells[0].scored) == 1
    assert len(grid.cells[0].probed) == 2 + 2 + 3


def test_they_are_read_from_their_file_until_a_score_changes(
    trained: tuple[Tiny, Grid], found: ShortcutConditions, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, grid = trained
    with monkeypatch.context() as patch:
        patch.setattr("grid.measuring.shortcut_conditions.trials_of", lambda *_: pytest.fail("computed again"))
        assert shortcut_conditions(made.store, grid.cells[0], grid.experiment) == found


def test_asking_for_conditions_later_changes_no_cell_and_trains_nothing(trained: tuple[Tiny, Grid]) -> None:
    _, grid = trained
    without = grid.experiment.model_copy(update={"encoding_shortcut": None, "shortcut_controls": None})
    fewer = Grid(without, grid.corpora, grid.catalogue, grid.recipes, grid.detectors).cells[0]
    assert fewer.cell_id == grid.cells[0].cell_id
    assert fewer.scored == grid.cells[0].scored
    assert fewer.probed == ()
