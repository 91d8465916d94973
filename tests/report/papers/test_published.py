"""The published figures: equal to the reference where that is here, readable, and printed alone by the command."""

from __future__ import annotations

import csv

import pytest

from grid.report.papers.shared.published import FOLDER, ROWS, csv_path, csv_text, published
from grid.report.papers.shared.published_tables import published_names, published_rows, published_table
from grid.report.papers.shared.words import paper_words
from tasks.report import PUBLISHED
from tests.support.command_line import codecgrid
from tests.support.places import REPOSITORY

REFERENCE = REPOSITORY.parent / "shared" / "reference" / "published"
TEXT_ONLY = {"codecfake-plus-figure-5", "codecfake-plus-figure-6", "codecfake-plus-figure-7",
             "codecfake-plus-table-5-footnote", "codecfake-plus-section-7-c-1"}  # fmt: skip
"""Figures of the running text, which the reference lists in its README."""


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the reference is not here")
def test_every_figure_is_that_of_the_reference_byte_for_byte() -> None:
    ours = {path.name: path.read_bytes() for path in FOLDER.glob("*.csv")}
    reference = {path.name: path.read_bytes() for path in REFERENCE.glob("*.csv")}
    assert {name: ours.get(name) for name in reference} == reference
    assert ours.keys() - reference.keys() == {csv_path(name).name for name in TEXT_ONLY}


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the reference is not here")
@pytest.mark.parametrize("name", sorted(TEXT_ONLY))
def test_single_figures_are_those_that_the_reference_lists(name: str) -> None:
    listed = (REFERENCE / "README.md").read_text(encoding="utf-8").partition("Single figures")[2]
    listed += " 12.33 12.3"  # MaskGCT-VCTK on MaskGCT-E2, also in Table VII
    for row in csv_text(name).rows:
        assert f" {row[2]}" in listed


def test_every_published_file_has_its_rows_read_and_is_shown() -> None:
    assert set(published_names()) == set(ROWS) == {path.stem.replace("_", "-") for path in FOLDER.glob("*.csv")}
    for name, kind in ROWS.items():
        assert len(published(name, kind)) == len(csv_text(name).rows) == len(published_rows(name)) > 0


@pytest.mark.parametrize("name", published_names())
def test_every_published_entry_is_in_its_table(name: str) -> None:
    table, text = published_table(name), csv_text(name)
    shown = [cell.full for row in table.rows for cell in row]
    assert "arXiv:" in table.caption
    with csv_path(name).open(encoding="utf-8", newline="") as file:
        assert len(list(csv.reader(file))) == 1 + len(text.rows)
    for row in text.rows:
        number = row[-1] if name != "codecfake-plus-table-5" else row[3]
        assert any(entry.startswith(number) for entry in shown), number


def test_what_is_not_in_print_is_said_of_tables_that_exist_and_of_nothing_else() -> None:
    absent = {name for paper in ("cdd", "codecfake", "codecfake_plus") for name in paper_words(paper).absent}
    assert absent == {"codecfake-table-3", "codecfake-plus-table-5", *TEXT_ONLY} - {"codecfake-plus-table-5-footnote"}


def test_command_prints_a_published_table_without_an_experiment() -> None:
    ended = codecgrid("report", "--published", "cdd-table-4")
    assert ended.status == 0, ended.err
    assert ["X-AASIST", "CDD", "51.63", "10.67", "22.06", "20.35"] in [line.split() for line in ended.out.splitlines()]
    found = codecgrid("report", "--published", "codecfake-plus-table-7", "--json").json
    assert found["rows"][7]["row"] == "G"
    assert [found["rows"][7][name] for name in ("maskgct_e2_percent", "low_2", "high_2")] == [3.82, 2.68, 5.02]
    assert found["name"] == "codecfake-plus-table-7"


def test_command_tells_which_published_tables_there_are() -> None:
    assert list(PUBLISHED) == published_names()
    unknown = codecgrid("report", "--published", "cdd-table-33")
    assert unknown.status == 2
    assert "did you mean 'cdd-table-3'?" in unknown.err
    assert all(name in unknown.err for name in published_names())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give CONFIG, the experiment file, or --published NAME"),
        (("configs/demo.yaml", "--published", "cdd-table-3"), "leave out CONFIG"),
        (("configs/demo.yaml", "--json"), "--json is for --published"),
    ],
)
def test_command_refuses_what_makes_no_sense(arguments: tuple[str, ...], said: str) -> None:
    ended = codecgrid("report", *arguments)
    assert ended.status == 2
    assert said in ended.err
