"""`codecgrid score`: with a cell, in every format, and with files that cannot be read."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from grid.cells.job import CellJob, scores_folder
from grid.experiment.frozen import freeze
from grid.run_cell import run_cell
from grid.scoring.score_tables import read_scores
from tests.support.command_line import codecgrid
from tests.support.tiny_grid import Tiny, tiny


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, CellJob]:
    made = tiny(
        tmp_path_factory.mktemp("score"),
        grid={"policies": ["none"]},
        evaluations={"raw": {"bonafide": "raw", "spoof": "attack"}},
    )
    grid = made.rendered()
    freeze(made.store, grid)
    run_cell(made.store, grid.cells[0], grid.experiment, gpu=False)
    return made, grid.cells[0]


def test_a_cell_gives_files_the_scores_that_its_tests_have(trained: tuple[Tiny, CellJob], tmp_path: Path) -> None:
    made, job = trained
    files = sorted((made.config.parent / "corpus").glob("test-*.wav"))
    options = ("--cell", job.cell_id[:6], "--root", made.store.root, "--out", tmp_path / "scores.csv")
    assert codecgrid("score", *options, *files).status == 0
    with (tmp_path / "scores.csv").open(encoding="utf-8") as stream:
        found = {row["utterance_id"]: float(row["score"]) for row in csv.DictReader(stream)}
    table = read_scores(made.store, scores_folder(job.folder, job.scored[0])).to_pydict()
    expected = dict(zip(table["utterance_id"], table["score"], strict=True))
    assert found.keys() == expected.keys()
    assert np.allclose([found[name] for name in expected], list(expected.values()), atol=1e-5)


def test_json_and_text_hold_the_same_scores(trained: tuple[Tiny, CellJob], tmp_path: Path) -> None:
    made, job = trained
    files = sorted((made.config.parent / "corpus").glob("test-s0-*.wav"))
    options = ("--cell", job.cell_id, "--root", made.store.root, "--out")
    for suffix in ("json", "txt"):
        assert codecgrid("score", *options, tmp_path / f"scores.{suffix}", *files).status == 0
    rows = {row["utterance_id"]: row["score"] for row in json.loads((tmp_path / "scores.json").read_text())}
    lines = dict(line.split(" ") for line in (tmp_path / "scores.txt").read_text().splitlines())
    assert {name: float(value) for name, value in lines.items()} == rows
    assert len(rows) == 4


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_scored(
    trained: tuple[Tiny, CellJob], tmp_path: Path
) -> None:
    made, job = trained
    (tmp_path / "broken.wav").write_bytes(b"no audio")
    good = made.config.parent / "corpus" / "test-s0-u0.wav"
    options = ("--cell", job.cell_id, "--root", made.store.root, "--out", tmp_path / "scores.txt")
    ended = codecgrid("score", *options, tmp_path / "broken.wav", good)
    assert ended.status == 3
    assert ended.err.startswith("broken: ")
    assert "1 scores, 1 files could not be read" in ended.out
    assert (tmp_path / "scores.txt").read_text().split(" ")[0] == "test-s0-u0"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--out", "scores.tsv", "--cell", "x"), "its suffix '.tsv' is none of .csv, .json, .txt"),
        (("--out", "scores.csv"), "give --detector and --weights, or the --cell"),
        (("--out", "scores.csv", "--cell", "x", "--crop", "64600"), "--cell has its own detector, weights and crop"),
    ],
)
def test_refused(options: tuple[str, ...], error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.wav").touch()
    ended = codecgrid("score", *options, "a.wav")
    assert (ended.status, error in ended.err) == (2, True)
