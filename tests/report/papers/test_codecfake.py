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
from grid.report.papers.shared.published import (
    CrossTestingEer,
    DatabaseEer,
    FactorEer,
    TaxonomyEer,
    UnseenGeneratorEer,
    published,
)
from grid.report.papers.shared.words import paper_words, word
from grid.report.summary import mean_and_error
from grid.report.table import Cell, Table
from tests.support.made_up_codecfake import (
    SETS,
    SYSTEMS,
    codec_level_grid,
    codecfake_grid,
    codecs_of,
    database_grid,
    factors_grid,
    measured,
    untrained_grid,
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
    assert entry.details[-1] == f"(0.66, {100 * of_first.eer - 0.66:+.2f})"
    assert table.notes == ()


def test_figure_2_has_every_eer_of_the_paper_beside_ours() -> None:
    table = only("codecfake-figure-2", codecfake_grid())
    found = {}
    for entries in table.rows:
        for entry, column in zip(entries[2:], table.columns[2:], strict=True):
            ours, paper, less = float(entry.values[0]), *map(float, entry.values[-2:])
            assert less == pytest.approx(ours - paper)
            found[entries[0].text.removesuffix(", ASVspoof 2019 LA"), column.name] = round(100 * paper, 4)
    assert found == {(r.trained_on, r.tested_on): r.percent for r in published("codecfake-figure-2", CrossTestingEer)}
    assert len(found) == 17 * 15


def test_figure_2_of_another_detector_has_no_figure_of_the_paper() -> None:
    results = codecfake_grid()
    cells = tuple(dataclasses.replace(c, detector="lfcc-lcnn") if c.codecs else c for c in results.cells)
    table = only("codecfake-figure-2", dataclasses.replace(results, cells=cells))
    assert all(math.isnan(float(entry.values[-1])) for entries in table.rows[2:] for entry in entries[2:])
    assert "lfcc-lcnn (not in the paper)" in table.caption


def test_table_3_has_every_eer_of_the_paper_and_says_which_marks_are_not_in_print() -> None:
    table = only("codecfake-table-3", codecfake_grid())
    found = {
        (column.name, entries[1].text if "ASVspoof" in entries[0].text else entries[0].text): entry.values[-2]
        for entries in table.rows
        for entry, column in zip(entries[2:], table.columns[2:], strict=True)
    }
    rows = published("codecfake-table-3", UnseenGeneratorEer)
    assert found == {(row.test_set, row.trained_on): pytest.approx(row.percent / 100) for row in rows}
    assert len(found) == 51
    (note,) = [note.text for note in table.notes if "Not in print" in note.text]
    assert "which numbers are bold" in note


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
        name: word(paper_words(file).codecs, name) for name in codecs_of(paper)
    }
    assert len(paper_words(file).codecs) == {"codecfake": 15, "codecfake_plus": 31}[paper]


@pytest.mark.parametrize(
    ("name", "results", "count"),
    [
        ("codecfake-figure-2", codecfake_grid(), 1),
        ("codecfake-plus-codec-by-codec", codec_level_grid(("aasist",)), 1),
        ("codecfake-plus-figure-6", codec_level_grid(("aasist",), systems=SYSTEMS), 1),
    ],
)
@pytest.mark.slow
def test_figures_are_drawn_before_their_tables(name: str, results: GridResults, count: int, tmp_path: Path) -> None:
    parts = paper_parts(name, results)
    kinds: list[type[Part]] = [Figure, Table] * count
    assert [type(part) for part in parts] == kinds
    for part in parts:
        if isinstance(part, Figure):
            assert part.draw(tmp_path / part.file).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("name", "grid"), [("codecfake-figure-2", codecfake_grid()), ("codecfake-plus-codec-by-codec", codec_level_grid())]
)
def test_grid_of_which_no_cell_is_scored_has_its_rows_and_no_heat_map(name: str, grid: GridResults) -> None:
    cells = tuple(dataclasses.replace(cell, status="missing", measurements=()) for cell in grid.cells)
    parts = paper_parts(name, dataclasses.replace(grid, cells=cells))
    assert all(isinstance(part, Table) and part.rows for part in parts)


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
    return LETTERS.index(str(word(paper_words("codecfake").codecs, codec)))


def test_table_3_without_tests_has_no_marks_and_says_so() -> None:
    table = only("codecfake-table-3", codecfake_grid(tested=False))
    assert "asks for no tests of significance" in table.caption
    assert not any("*" in entry.text or "†" in entry.text for entries in table.rows for entry in entries)


IN_TABLE_4 = [
    "ELLA-V", "VALL-E", "GPST", "UniAudio", "TacoLM", "SpeechX", "RALL-E", "VioLA", "CLaM-TTS", "NaturalSpeech 2",
    "NaturalSpeech 3", "USLM", "SimpleSpeech 1", "SimpleSpeech 2", "VALL-E-T", "VALL-E-S", "MaskGCT-E2",
]  # fmt: skip


def test_figure_6_has_asvspoof_2019_and_31_codecs_by_cors_cosg_and_17_generators() -> None:
    compared = (untrained_grid("codecfake-plus-asvspoof2019"),)
    results = dataclasses.replace(codec_level_grid(("w2v2-aasist",), systems=SYSTEMS), compared=compared)
    figure = only("codecfake-plus-figure-6", results)
    assert [entries[0].text for entries in figure.rows] == ["ASVspoof 2019", *paper_words("codecfake_plus").codecs]
    assert [column.name for column in figure.columns[2:]] == ["CoRS", "CoSG", *IN_TABLE_4]
    reference = row(figure, "ASVspoof 2019", "codecfake-plus-asvspoof2019")
    assert reference["all trials CoSG"].details[-1] == "(18.90, +1.10)"
    found = results.cells[0].measurement("CoSG", "system=maskgct")
    assert found is not None
    assert row(figure, "A")["tested on MaskGCT-E2"].values[0] == found.eer
    assert "Not in print" in figure.notes[0].text


@pytest.mark.parametrize("generators", [False, True])
def test_codec_by_codec_is_a_table_of_its_own_that_the_paper_does_not_have(generators: bool) -> None:
    results = codec_level_grid(systems=SYSTEMS if generators else ())
    w2v2, aasist = tables("codecfake-plus-codec-by-codec", results)
    assert [t.title for t in (w2v2, aasist)] == [
        "CodecFake+ codec by codec: w2v2-aasist", "CodecFake+ codec by codec: aasist"
    ]  # fmt: skip
    assert len(w2v2.rows) == 31
    assert [column.full_name for column in w2v2.columns[-2:]] == ["all trials CoRS", "all trials CoSG"]
    states = [entries[2].text for entries in w2v2.rows]
    assert states.count("failed") == 1
    assert "CodecFake+ has no such table" in w2v2.caption
    assert "Not in print" not in " ".join(note.text for note in w2v2.notes)


def test_figure_6_of_results_without_generators_says_what_is_missing() -> None:
    (table,) = paper_parts("codecfake-plus-figure-6", codec_level_grid())
    assert isinstance(table, Table)
    assert table.rows == ()
    (note,) = table.notes
    assert "no cell has measured CoSG by generator. Give the evaluation CoSG `by: system`" in note.text
    assert "codecfake-plus-codec-by-codec" in note.text


BLOCKS = {"a": ("Svq", "Mvq", "Scq"), "b": ("None", "Sem", "Disent"), "c": ("Time", "Freq")}


def test_table_5_has_three_blocks_of_the_same_categories_by_row_and_column_and_all() -> None:
    blocks = tables("codecfake-plus-table-5", codec_level_grid(("w2v2-aasist",), rated=True))
    assert [table.name for table in blocks] == [
        f"codecfake-plus-table-5{letter}-{evaluation}-w2v2-aasist"
        for evaluation in ("cosg-mos", "cosg")
        for letter in BLOCKS
    ]
    found = {}
    for table in blocks[:3]:
        letter = table.name.removeprefix("codecfake-plus-table-5")[0]
        axis = {"a": "QUA", "b": "AUX", "c": "DEC"}[letter]
        assert tuple(entries[0].text for entries in table.rows) == BLOCKS[letter]
        assert tuple(column.name for column in table.columns[1:]) == (*BLOCKS[letter], "All")
        for entries in table.rows:
            for entry, column in zip(entries[1:], table.columns[1:], strict=True):
                ours, paper, less, error = float(entry.values[0]), *map(float, entry.values[-3:])
                assert less == pytest.approx(ours - paper)
                found[axis, entries[0].text, column.name] = (
                    round(100 * paper, 4),
                    None if math.isnan(error) else round(100 * error, 4),
                )
    rows = published("codecfake-plus-table-5", TaxonomyEer)
    assert found == {(r.axis, r.trained_on, r.tested_on): (r.mean_percent, r.standard_error) for r in rows}


def test_table_5_is_the_mean_over_member_models_with_its_standard_error() -> None:
    results = codec_level_grid(("w2v2-aasist",))
    _, aux, _ = tables("codecfake-plus-table-5", results)
    disent = [cell for cell in results.cells if results.codecs[cell.codecs[0]].aux == "Disent"]
    for column, condition in (("Sem", "aux=Sem"), ("All", "pooled")):
        found = [m for cell in disent if (m := cell.measurement("CoSG", condition)) is not None]
        entry = row(aux, "Disent")[f"tested on {column}"]
        numbers = (*mean_and_error([m.eer for m in found]), len(disent), found[0].n_bonafide, found[0].n_spoof)
        assert entry.values[:5] == numbers
    assert len(disent) == 5
    assert row(aux, "Disent")["tested on Sem"].details[-1].startswith("(13.33 ± 6.67, ")


def test_table_5_says_which_trials_it_has_and_the_footnote_of_the_paper() -> None:
    rated, _, _, every, aux, _ = tables("codecfake-plus-table-5", codec_level_grid(("w2v2-aasist",), rated=True))
    assert "with a predicted MOS above 3.5 (the paper: 3.5)" in rated.caption
    assert "Trials are of any quality; the paper has those with a predicted MOS above 3.5" in every.caption
    footnote = "members I2, S and T1 have 50.00, 0.00 and 0.00 % on the 6 bona fide and 6 spoof trials of Svq."
    assert [footnote in " ".join(note.text for note in t.notes) for t in (rated, every, aux)] == [True, True, False]
    assert "Not in print, and so not beside ours: the standard errors of most means." in [n.text for n in aux.notes]


def test_table_5_of_other_detectors_has_no_figure_of_the_paper() -> None:
    for table in tables("codecfake-plus-table-5", codec_level_grid(("aasist",))):
        assert all(math.isnan(float(entry.values[-2])) for entries in table.rows for entry in entries[1:])


def test_table_5_marks_sub_categories_with_fewer_than_20_items() -> None:
    few, said = set(), set()
    for table in tables("codecfake-plus-table-5", codec_level_grid(("w2v2-aasist",))):
        notes = {note.mark: note.text for note in table.notes}
        said |= set(notes.values())
        few |= {column.name for entries in table.rows for entry, column in zip(entries, table.columns, strict=True)
                if "few trials" in notes.get(entry.mark, "")}  # fmt: skip
    assert few == {"Svq", "Sem"}
    assert "few trials: 14 bona fide and 20 spoof" in said


def test_table_6_stands_beside_the_papers_figures_and_intervals() -> None:
    table = only("codecfake-plus-table-6", database_grid())
    assert [entries[0].text for entries in table.rows] == ["a", "c", "f", "h", "k", "l", "m", "n", "VII-C1"]
    entries = row(table, "n", "W2V2-AASIST", "CoRS (DEC Balance x4)", "no other corpus")
    assert entries["tested on 19LA"].details[-1] == "(2.27, +4.73)"
    assert entries["tested on CoSG"].details[-1] == "(10.85 [4.91, 35.63], +14.15)"
    assert entries["tested on CoSG"].values[-4:] == pytest.approx((0.1085, 0.1415, 0.0491, 0.3563))
    pooled = row(table, "VII-C1", "W2V2-AASIST", "CoRS (all, random sampling)", "no other corpus")
    assert pooled["tested on CoSG"].details[-1] == "(50.00, -24.00)"
    assert math.isnan(float(pooled["tested on 19LA"].values[5]))
    notes = [note.text for note in table.notes]
    assert "Experiment codecfake-plus-asvspoof5 is not here: it never ran in results." in notes
    assert "Rows of the paper that no experiment here trains: b, d, e, g, i, j, o." in notes


def test_table_6_of_another_grid_keeps_its_names_and_gets_no_figure_of_the_paper() -> None:
    table = only("codecfake-plus-table-6", dataclasses.replace(database_grid(), name="mine", compared=()))
    assert {entries[0].text for entries in table.rows} == {""}
    assert {entries[3].text for entries in table.rows} == {"mine"}
    assert all(math.isnan(float(entries[4].values[-4])) for entries in table.rows)


def test_table_7_has_the_papers_eight_rows_with_intervals_on_two_sets_of_maskgct() -> None:
    results = factors_grid()
    table = only("codecfake-plus-table-7", results)
    rows = published("codecfake-plus-table-7", FactorEer)
    assert [entries[0].text for entries in table.rows] == [r.row for r in rows] == [
        "BL1", "BL2", "D1", "D2", "B", "L1", "L2", "G",
    ]  # fmt: skip
    assert [column.name for column in table.columns[-2:]] == ["MaskGCT-VCTK", "MaskGCT-E2"]
    for entries, paper in zip(table.rows, rows, strict=True):
        assert (entries[2].text, entries[3].text) == (paper.trained_on, paper.data_type)
        numbers = [100 * float(entry.values[place]) for entry in entries[4:] for place in (-4, -2, -1)]
        assert numbers == pytest.approx(
            [paper.vctk_percent, paper.vctk_low, paper.vctk_high, paper.e2_percent, paper.e2_low, paper.e2_high]
        )
    found = results.cells[5].measurement("CoSG", "system=maskgct")
    assert found is not None
    entry = row(table, "G")["tested on MaskGCT-E2"]
    assert entry.values[0] == found.eer
    assert entry.details[-1] == f"(3.82 [2.68, 5.02], {100 * found.eer - 3.82:+.2f})"


def test_figure_7_has_the_best_codec_of_each_column_of_figure_6() -> None:
    results = factors_grid()
    table = only("codecfake-plus-figure-7", results)
    assert [entries[0].text for entries in table.rows if entries[1].text == "W2V2-AASIST"] == [
        "ASVspoof 2019", "MaskGCT-VCTK", "DEC balance", "Top-1 of Figure 6",
    ]  # fmt: skip
    assert [column.name for column in table.columns[2:]] == ["CoSG", *IN_TABLE_4]
    codec_level = results.compared[2].select(detector="w2v2-aasist")
    for column, condition in (("CoSG", "pooled"), ("VALL-E", "system=valle")):
        eers = {c.codecs[0]: m.eer for c in codec_level if (m := c.measurement("CoSG", condition)) is not None}
        best = min(eers, key=lambda codec: eers[codec])
        entry = row(table, "Top-1 of Figure 6", "W2V2-AASIST")[f"tested on {column}"]
        letter = word(paper_words("codecfake_plus").codecs, best)
        assert (entry.values[0], entry.values[-1]) == (eers[best], letter)
        assert entry.text == f"{100 * eers[best]:.2f} {letter}"
    stated = {
        (entries[0].text, column.name): round(100 * float(entry.values[-3]), 4)
        for entries in table.rows
        for entry, column in zip(entries[2:], table.columns[2:], strict=True)
        if not math.isnan(float(entry.values[-3]))
    }
    rows = published("codecfake-plus-figure-7", CrossTestingEer)
    assert stated == {(r.trained_on, r.tested_on): r.percent for r in rows}
    assert "among the 31 trainings on one codec of experiment codecfake-plus-codec-level" in " ".join(
        note.text for note in table.notes
    )


@pytest.mark.parametrize(
    "name",
    [
        *("codecfake-figure-2", "codecfake-table-3"),
        *(f"codecfake-plus-{n}" for n in ("codec-by-codec", "figure-6", "table-6", "table-7", "figure-7")),
    ],
)
def test_grid_of_which_nothing_is_there_makes_every_table(name: str) -> None:
    assert only(name, GridResults("codecfake", ())).rows == ()


def test_intervals_of_table_6_hold_their_eers() -> None:
    rows = published("codecfake-plus-table-6", DatabaseEer)
    assert [row.row for row in rows] == list("abcdefghijklmno")
    assert all(row.cosg_low < row.cosg_percent < row.cosg_high for row in rows)
