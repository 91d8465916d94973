"""The tables and figures of the CodecFake papers: layout, stated figures, marks, missing results."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from grid.analysis.results import CellResult, GridResults, codec_facts
from grid.codecs.catalogue import Paper, load_catalogue
from grid.report.page import Figure, Part
from grid.report.papers import paper_parts
from grid.report.papers.shared.stated_figures import read_figures, word
from grid.report.summary import mean_and_error
from grid.report.table import Cell, Table
from tests.support.made_up_codecfake import (
    CATEGORIES,
    SETS,
    codec_level_grid,
    codecfake_grid,
    codecs_of,
    database_grid,
    measured,
)

LETTERS = ["A", "B1", "B2", "B3", "C", "D1", "D2", "D3", "E", "F1", "F2", "F3", "F4", "F5", "F6"]


def tables(name: str, results: GridResults) -> list[Table]:
    return [part for part in paper_parts(name, results) if isinstance(part, Table)]


def only(name: str, results: GridResults) -> Table:
    (table,) = tables(name, results)
    return table


def row(table: Table, *labels: str) -> dict[str, Cell]:
    (found,) = [row for row in table.rows if tuple(entry.text for entry in row[: len(labels)]) == labels]
    return dict(zip((column.full_name for column in table.columns), found, strict=True))


def test_figure_2_has_the_published_detectors_and_15_codecs_in_the_papers_order() -> None:
    table = only("codecfake-figure-2", codecfake_grid())
    published = ["AASIST, ASVspoof 2019 LA", "AASIST-L, ASVspoof 2019 LA"]
    assert [entries[0].text for entries in table.rows] == published + LETTERS
    assert [column.name for column in table.columns[2:]] == LETTERS
    of_first = codecfake_grid().cells[2].measurement("CoRS", "codec=encodec-24khz-1.5kbps")
    assert of_first is not None
    entry = row(table, "A", "speechtokenizer-hubert-avg")["tested on E"]
    assert entry.values[0] == of_first.eer
    assert math.isnan(float(entry.values[-1]))
    assert "does not show: all EERs" in table.notes[0].text


def test_figure_2_has_other_codecs_after_the_papers_in_one_order_and_names_them_once() -> None:
    trained, tested = ("mu-law", "encodec-24khz-1.5kbps", "lyra-v2-6kbps"), ("lyra-v2-6kbps", "opus-6kbps", "mu-law")
    found = tuple(measured("CoRS", f"codec={codec}", 0.1) for codec in (*tested, trained[1]))
    cells = tuple(CellResult(codec, codec, (codec,), "spoof", "aasist-l", 0, "done", "", found) for codec in trained)
    table = only("codecfake-figure-2", GridResults("codecfake", cells, codec_facts({*tested, *trained})))
    assert [entries[0].text for entries in table.rows] == ["E", "mu-law", "lyra-v2-6kbps"]
    assert [column.name for column in table.columns[2:]] == ["E", "mu-law", "lyra-v2-6kbps", "opus-6kbps"]
    assert [entries[1].text for entries in table.rows] == ["encodec-24khz-1.5kbps", "", ""]
    assert [entries[1].values for entries in table.rows][1:] == [("mu-law",), ("lyra-v2-6kbps",)]


@pytest.mark.parametrize(("paper", "file"), [("codecfake", "codecfake"), ("codecfake_plus", "codecfake_plus")])
def test_words_for_codecs_are_the_letters_of_the_catalogue(paper: Paper, file: str) -> None:
    letters = {entry.name: getattr(entry.letters, paper) for entry in load_catalogue()}
    assert {name: letter for name, letter in letters.items() if letter} == {
        name: word(read_figures(file).codecs, name) for name in codecs_of(paper)
    }
    assert len(read_figures(file).codecs) == {"codecfake": 15, "codecfake_plus": 31}[paper]


@pytest.mark.parametrize(
    ("name", "results", "count"),
    [("codecfake-figure-2", codecfake_grid(), 1), ("codecfake-plus-figure-6", codec_level_grid(), 2)],
)
def test_figures_are_drawn_before_their_tables(name: str, results: GridResults, count: int, tmp_path: Path) -> None:
    parts = paper_parts(name, results)
    kinds: list[type[Part]] = [Figure, Table] * count
    assert [type(part) for part in parts] == kinds
    for part in parts:
        if isinstance(part, Figure):
            assert part.draw(tmp_path / part.file).read_bytes().startswith(b"\x89PNG")


def test_table_3_shows_three_sets_with_their_tests_of_significance() -> None:
    results = codecfake_grid()
    table = only("codecfake-table-3", results)
    assert [column.name for column in table.columns[2:]] == list(SETS)
    assert [entries[0].text for entries in table.rows] == ["ASVspoof 2019 LA"] * 2 + LETTERS
    shown = 0
    for entries, cell in zip(table.rows[2:], sorted(results.cells[2:], key=lambda c: _place(c.selection)), strict=True):
        for entry, name in zip(entries[2:], SETS, strict=True):
            test = next(t for t in results.significance if (t.cell_id, t.evaluation) == (cell.cell_id, name))
            both = test.t_p < 0.01 and test.wilcoxon_p < 0.01
            expected = (False, False) if test.note else (both, test.adjusted_p < 0.01)
            assert ("*" in entry.text, "†" in entry.text) == expected
            assert f"{100 * test.difference:+.2f}" in entry.details
            shown += both
            notes = {note.mark: note.text for note in table.notes}
            assert (notes.get(entry.mark) == test.note) if test.note else not entry.mark
    assert shown > 3
    assert "SpeechX: 8 bona fide and 8 spoof trials; tested against aasist-l-2019la." in [n.text for n in table.notes]
    assert "Holm's correction for 45 comparisons" in table.caption


def test_table_3_says_which_tested_evaluation_is_no_column() -> None:
    results = codecfake_grid()
    tested = tuple(dataclasses.replace(each, evaluation="CoRS") for each in results.significance[::3])
    table = only("codecfake-table-3", dataclasses.replace(results, significance=tested))
    assert [column.name for column in table.columns[2:]] == list(SETS)
    (note,) = [note.text for note in table.notes if "no column here" in note.text]
    assert ": CoRS. The table of significance" in note
    assert not any("no column here" in note.text for note in only("codecfake-table-3", results).notes)


def _place(codec: str) -> int:
    return LETTERS.index(str(word(read_figures("codecfake").codecs, codec)))


def test_table_3_without_tests_has_no_marks_and_says_so() -> None:
    table = only("codecfake-table-3", codecfake_grid(tested=False))
    assert "asks for no tests of significance" in table.caption
    assert not any("*" in entry.text or "†" in entry.text for entries in table.rows for entry in entries)


def test_figure_6_closes_with_all_cors_and_all_cosg() -> None:
    w2v2, aasist = tables("codecfake-plus-figure-6", codec_level_grid())
    assert (w2v2.title, aasist.title) == ("CodecFake+, Figure 6: w2v2-aasist", "CodecFake+, Figure 6: aasist")
    assert len(w2v2.rows) == 31
    assert [column.full_name for column in w2v2.columns[-2:]] == ["all trials CoRS", "all trials CoSG"]
    states = [entries[2].text for entries in w2v2.rows]
    assert states.count("failed") == 1


def test_table_5_is_the_mean_over_member_models_with_its_standard_error() -> None:
    results = codec_level_grid(("w2v2-aasist",))
    table = only("codecfake-plus-table-5", results)
    assert table.groups() == [("", 2), ("tested on QUA", 3), ("tested on AUX", 3), ("tested on DEC", 2)]
    assert [entries[1].text for entries in table.rows] == [
        "Mvq", "Svq", "Scq", "None", "Sem", "Disent", "Time", "Freq",
    ]  # fmt: skip
    disent = [cell for cell in results.cells if results.codecs[cell.codecs[0]].aux == "Disent"]
    found = [m.eer for cell in disent if (m := cell.measurement("CoSG", "dec=Freq")) is not None]
    entry = row(table, "auxiliary objective (AUX)", "Disent")["tested on DEC Freq"]
    assert entry.values == (*mean_and_error(found), len(disent), *CATEGORIES["dec=Freq"])
    assert len(disent) == 5


def test_table_5_marks_sub_categories_with_fewer_than_20_items() -> None:
    table = only("codecfake-plus-table-5", codec_level_grid(("w2v2-aasist",)))
    notes = {note.mark: note.text for note in table.notes}
    few = {column.name for entries in table.rows for entry, column in zip(entries, table.columns, strict=True)
           if "few trials" in notes.get(entry.mark, "")}  # fmt: skip
    assert few == {"Svq", "Sem"}
    assert "few trials: 14 bona fide and 20 spoof" in notes.values()


def test_table_6_stands_beside_the_papers_figures_and_intervals() -> None:
    table = only("codecfake-plus-table-6", database_grid())
    assert [entries[0].text for entries in table.rows] == ["a", "c", "f", "h", "k", "l", "m", "n"]
    entries = row(table, "n", "W2V2-AASIST", "DEC balance x4", "no other corpus")
    assert entries["tested on 19LA"].details[-1] == "(2.27)"
    assert entries["tested on CoSG"].details[-1] == "(10.85 [4.91, 35.63])"
    assert entries["tested on CoSG"].values[-3:] == pytest.approx((0.1085, 0.0491, 0.3563))
    notes = [note.text for note in table.notes]
    assert "Experiment codecfake-plus-asvspoof5 is not here: it never ran in results." in notes
    assert "Rows of the paper that no experiment here trains: b, d, e, g, i, j, o." in notes


def test_table_6_of_another_grid_keeps_its_names_and_gets_no_figure_of_the_paper() -> None:
    table = only("codecfake-plus-table-6", dataclasses.replace(database_grid(), name="mine", compared=()))
    assert {entries[0].text for entries in table.rows} == {""}
    assert {entries[3].text for entries in table.rows} == {"mine"}
    assert all(math.isnan(float(entries[4].values[-3])) for entries in table.rows)


@pytest.mark.parametrize(
    "name", ["codecfake-figure-2", "codecfake-table-3", *(f"codecfake-plus-{n}" for n in ("figure-6", "table-6"))]
)
def test_grid_of_which_nothing_is_there_makes_every_table(name: str) -> None:
    assert only(name, GridResults("codecfake", ())).rows == ()


def test_figures_of_table_6_are_those_of_the_reference() -> None:
    figures = read_figures("codecfake_plus")
    assert [entry.letter for entry in figures.database] == list("abcdefghijklmno")
    assert figures.database[14].percent == {"19LA": 2.72, "CoSG": 8.07}
    assert figures.database[14].interval["CoSG"] == (3.32, 23.18)
    for entry in figures.database:
        lower, upper = entry.interval["CoSG"]
        assert lower < entry.percent["CoSG"] < upper
    assert read_figures("codecfake").eers == figures.eers == ()
