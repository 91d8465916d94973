"""Tests of `codecgrid report` with the tables of a paper: from MLflow as from the store, alone and compared."""

from __future__ import annotations

import csv
import html
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from cluster.tracking.mirror import Mirror
from grid.experiment.frozen import freeze
from grid.experiment.grid import Grid, resolve
from grid.run_cell import run_cell
from tests.support.command_line import codecgrid
from tests.support.installed_plugin import install_entry_point
from tests.support.tiny_grid import Tiny, tiny, write_experiment

pytestmark = pytest.mark.slow

TABLES = ["cdd-table-3", "cdd-table-4", "cdd-table-5"]
EVALUATIONS = {
    "T-CoSG": {"bonafide": "raw", "spoof": "attack", "by": "attack"},
    "T-CoRS": {"bonafide": "cors", "spoof": "attack", "by": "bonafide-codec"},
    "All": {"bonafide": ["raw", "cors"], "spoof": "attack"},
}
AXES = {"selections": ["gsm-06.10"], "policies": ["none", "spoof"]}


@dataclass(frozen=True)
class Reported:
    """A finished grid of a baseline and one training on CoRS, and another experiment beside it."""

    made: Tiny
    other: Path

    def files(self, source: str) -> dict[str, bytes]:
        """Every file of the report made from `source`, without the command that is told at its end."""
        folder = Path(self.made.store.uri(f"from-{source}"))
        ended = codecgrid("report", self.made.config, "--root", self.made.store.root, "--from", source, "--out", folder)
        assert ended.status == 0, ended.err
        own = f"--from {source} --out {folder}".encode()
        paths = [path for path in folder.rglob("*") if path.is_file()]
        return {str(path.relative_to(folder)): path.read_bytes().replace(own, b"") for path in paths}


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("report")
    changes: dict[str, Any] = {"grid": AXES, "evaluations": EVALUATIONS, "recipe": {"epochs": 1}}
    other = write_experiment(folder, **changes, name="other").rename(folder / "other.yaml")
    made = tiny(folder, **changes, report=TABLES, compare=["other.yaml"])
    grid = made.rendered()
    for job in grid.cells:
        assert run_cell(made.store, job, grid.experiment, gpu=False)
    ended(made, grid)
    return Reported(made, other)


def ended(made: Tiny, grid: Grid) -> None:
    """What a run leaves besides its cells."""
    freeze(made.store, grid)
    assert Mirror(grid.experiment, grid.cells, made.store).sync().failed_reason == ""


def rows(table: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(table.decode().splitlines()))


def test_report_from_mlflow_and_store_are_the_same_with_tables_of_papers(reported: Reported) -> None:
    from_store = reported.files("store")
    assert {f"{table}.{suffix}" for table in TABLES for suffix in ("md", "csv", "tex")} <= set(from_store)
    assert reported.files("mlflow") == from_store
    page = from_store["index.html"].decode()
    places = [page.index(f'id="{name}"') for name in (*TABLES, "policies", "cells")]
    assert places == sorted(places)


def test_report_differences_have_their_paired_interval(reported: Reported) -> None:
    baseline, trained = rows(reported.files("mlflow")["cdd-table-3.csv"])
    assert (baseline["codec"], trained["codec"], trained["label"]) == ("baseline", "gsm-06.10", "spoof")
    for column in ("T-CoSG buzz", "T-CoSG pooled", "T-CoRS gsm-06.10", "T-CoRS pooled", "All"):
        difference, lower, upper = (float(trained[f"{column} {part}"]) for part in ("difference", "lower", "upper"))
        assert difference == float(trained[f"{column} eer"]) - float(baseline[f"{column} eer"])
        assert lower <= upper
        assert trained[f"{column} paper"] == ""


def test_report_compared_experiment_that_never_ran_is_missing_and_then_there(reported: Reported) -> None:
    before = reported.files("mlflow")
    ours, other = rows(before["cdd-table-4.csv"])
    assert (other["trained on"], other["tested on All eer"]) == ("other", "missing")
    assert b"experiment 'other' never ran" in before["cdd-table-4.md"]
    # its only baseline is the same training, so that its cells are done already
    ended(reported.made, resolve(reported.other, reported.made.store))
    found = reported.files("mlflow")
    ours, other = rows(found["cdd-table-4.csv"])
    assert ours["tested on All eer"] == other["tested on All eer"] != "missing"
    assert reported.files("store") == found


def test_report_with_a_table_of_another_package_shows_it(
    reported: Reported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(install_entry_point(tmp_path / "site", "tables", "their-table", "their_table"))
    (tmp_path / "site" / "their_table.py").write_text(
        "from grid.report.papers import PAPER_TABLES\n"
        "from grid.report.table import Column, Table, label\n\n"
        "@PAPER_TABLES.register('their-table')\n"
        "def table(results):\n"
        "    return Table('theirs', 'Theirs', '', (Column('cells'),), ((label(str(len(results.cells))),),))\n"
    )
    config = reported.made.config
    text = config.read_text()
    try:
        config.write_text(text.replace("- cdd-table-3", "- their-table"))
        assert reported.files("store")["theirs.csv"] == b"cells\n2\n"
    finally:
        config.write_text(text)


@pytest.fixture
def broken(reported: Reported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The module of a table that raises, which the experiment asks for among those of the paper."""
    monkeypatch.syspath_prepend(install_entry_point(tmp_path / "site", "tables", "broken-table", "broken_table"))
    module = tmp_path / "site" / "broken_table.py"
    module.write_text(
        "from grid.report.papers import PAPER_TABLES\n\n"
        "@PAPER_TABLES.register('broken-table')\n"
        "def table(results):\n"
        "    return results.cells[0].no_such_number\n"
    )
    config = reported.made.config
    text = config.read_text()
    config.write_text(text.replace("- cdd-table-4", "- broken-table"))
    yield module
    config.write_text(text)


REASON = "AttributeError: 'CellResult' object has no attribute 'no_such_number'"


def test_report_with_a_table_that_fails_names_it_and_writes_the_others(
    reported: Reported, broken: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    where = ("report", reported.made.config, "--root", reported.made.store.root, "--from", "store", "--out", folder)
    ended = codecgrid(*where)
    assert ended.status == 3
    assert ended.out.strip() == str(folder / "index.html")
    assert f"table broken-table could not be made: {REASON}\n" in ended.err
    assert f"to make it again: {shlex.join(['codecgrid', *map(str, where)])}\n" in ended.err
    assert "Traceback" not in ended.err
    written = {path.name for path in folder.iterdir()}
    assert {"cdd-table-3.csv", "cdd-table-5.tex", "policies.md", "cells.csv", "index.md"} <= written
    assert REASON in html.unescape((folder / "index.html").read_text())
    assert str(broken) in (folder / "faults.txt").read_text()
    reported.made.config.write_text(reported.made.config.read_text().replace("- broken-table\n", ""))
    assert codecgrid(*where).status == 0
    assert not (folder / "faults.txt").exists()


def test_run_whose_report_fails_keeps_the_cells_and_ends_with_three(reported: Reported, broken: Path) -> None:
    config, root = reported.made.config, reported.made.store.root
    ended = codecgrid("run", config, "--root", root, "--json")
    assert ended.status == 3
    assert ended.json["done"] == 2
    assert ended.json["failures"] == []
    assert ended.json["report_failures"] == [{"part": "table broken-table", "error": REASON}]
    assert f"2 cells: 2 done; report: {Path(root) / 'reports/tiny/index.html'}\n" in ended.err
    assert f"to make it again: codecgrid report {config} --root {root}\n" in ended.err


def test_run_whose_report_has_no_place_keeps_the_cells_and_ends_with_three(reported: Reported) -> None:
    config, store = reported.made.config, reported.made.store
    place = Path(store.uri("reports"))
    kept = place.rename(place.with_name("reports-kept")) if place.exists() else None
    place.write_text("a file, where the folder of reports should be")
    try:
        ended = codecgrid("run", config, "--root", store.root)
    finally:
        place.unlink()
        if kept:
            kept.rename(place)
    assert ended.status == 3
    assert "2 cells: 2 done\n" in ended.err
    assert "the report could not be made: NotADirectoryError" in ended.err


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"report": ["cdd-table-33"]}, "unknown paper table 'cdd-table-33'; did you mean 'cdd-table-3'?"),
        ({"compare": ["nowhere.yaml"]}, "nowhere.yaml: No such file"),
        ({"compare": ["tiny.yaml"]}, "tiny.yaml is experiment 'tiny' as well"),
        ({"compare": ["recipes/tiny.yaml"]}, "epochs is a value of the recipe"),
    ],
)
def test_plan_with_a_wrong_table_or_comparison_gives_its_line(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    config = write_experiment(tmp_path, **changes)
    value = next(iter(changes.values()))[0]
    line = 1 + config.read_text().splitlines().index(f"- {value}")
    found = codecgrid("plan", config)
    assert found.status == 2
    assert f"{config}:{line}: " in found.err
    assert said in found.err
