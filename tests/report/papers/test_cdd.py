"""The tables of the CDD paper: layout, stated figures, differences by hand, compared grids, missing results."""

from __future__ import annotations

import dataclasses
import math

import pytest

from grid.analysis.results import GridResults
from grid.codecs.catalogue import load_catalogue
from grid.report.papers import PAPER_TABLES
from grid.report.papers.shared.stated_figures import read_figures, word
from grid.report.table import Cell, Table
from tests.support.made_up_cdd import ATTACKS, CODECS, cdd_grid

GENERATORS = ["MS5", "CSM", "OS1", "CBX", "LSA"]
PAPER_CODECS = ["EnCodec", "Mimi", "DAC", "XCodec2"]


def made(number: int, results: GridResults) -> Table:
    table = PAPER_TABLES.get(f"cdd-table-{number}")(results)
    assert isinstance(table, Table)
    return table


def row(table: Table, *labels: str) -> dict[str, Cell]:
    (found,) = [row for row in table.rows if tuple(entry.text for entry in row[: len(labels)]) == labels]
    return dict(zip((column.full_name for column in table.columns), found, strict=True))


def without_baseline(results: GridResults, detector: str) -> GridResults:
    cells = tuple(c for c in results.cells if (c.detector, c.policy) != (detector, "none"))
    return dataclasses.replace(results, cells=cells)


def test_table_3_has_the_papers_rows_and_columns_in_its_order() -> None:
    table = made(3, cdd_grid())
    assert table.groups() == [("", 3), ("T-CoSG", 6), ("T-CoRS", 5), ("", 1)]
    assert [column.name for column in table.columns[3:]] == [*GENERATORS, "pooled", *PAPER_CODECS, "pooled", "All"]
    labels = [tuple(entry.text for entry in row[:3]) for row in table.rows]
    trained = [(codec, label) for codec in PAPER_CODECS for label in ("bona fide", "spoof")]
    assert labels == [(detector, *row) for detector in ("X-AASIST", "LWBN") for row in [("baseline", "none"), *trained]]
    assert len(labels) == 18


def test_table_3_baseline_shows_the_papers_eers_where_they_are_known() -> None:
    table = made(3, cdd_grid())
    shown = {"X-AASIST": (10.67, 22.06, 20.35), "LWBN": (10.00, 20.65, 19.35)}
    for detector, figures in shown.items():
        entries = row(table, detector, "baseline")
        pooled = [entries["T-CoSG pooled"], entries["T-CoRS pooled"], entries["All"]]
        assert [entry.details[-1] for entry in pooled] == [f"({figure:.2f})" for figure in figures]
        assert [entry.values[-1] for entry in pooled] == pytest.approx([figure / 100 for figure in figures])
        assert math.isnan(float(entries["T-CoSG MS5"].values[-1]))
        assert len(entries["T-CoSG MS5"].details) == 2  # the two bounds of our interval and nothing else
    assert "all differences from it" in table.notes[0].text


def test_table_3_single_seed_differences_have_their_paired_interval() -> None:
    results = cdd_grid()
    base = results.select(detector="lwbn", policy="none")[0].measurement("T-CoSG", "attack=csm")
    ours = results.select(detector="lwbn", selection="mimi-32cb", policy="spoof-replace-0.5")[0]
    found = ours.measurement("T-CoSG", "attack=csm")
    assert base is not None
    assert found is not None
    entry = row(made(3, results), "LWBN", "Mimi", "spoof")["T-CoSG CSM"]
    points = 100 * (found.eer - base.eer)
    assert entry.text == f"{points:+.2f}"
    assert entry.full == f"{points:+.2f} [{points - 1.2:+.2f}, {points + 1.3:+.2f}]"
    assert entry.values[:2] == (found.eer, pytest.approx(points / 100))


def test_table_3_several_seeds_are_paired_before_they_are_averaged() -> None:
    results = cdd_grid(seeds=(0, 1, 2))
    pairs = zip(
        results.select(detector="lwbn", selection="xcodec2", policy="spoof-replace-0.5"),
        results.select(detector="lwbn", policy="none"),
        strict=True,
    )
    measured = [(a.measurement("All", "pooled"), b.measurement("All", "pooled")) for a, b in pairs]
    differences = [a.eer - b.eer for a, b in measured if a is not None and b is not None]
    mean = sum(differences) / 3
    error = math.sqrt(sum((value - mean) ** 2 for value in differences) / 2 / 3)
    entry = row(made(3, results), "LWBN", "XCodec2", "spoof")["All"]
    assert entry.full == f"{100 * mean:+.2f} ± {100 * error:.2f}"
    assert entry.values[5] == 3


def test_table_3_seed_without_its_baseline_is_left_out_with_a_footnote() -> None:
    results = cdd_grid(seeds=(0, 1))
    cells = tuple(c for c in results.cells if c.cell_id != "lwbn/none/none/1")
    table = made(3, dataclasses.replace(results, cells=cells))
    entry = row(table, "LWBN", "DAC", "spoof")["All"]
    assert entry.values[5] == 1
    assert "seed 1: no baseline" in {note.mark: note.text for note in table.notes}[entry.mark]


@pytest.mark.parametrize("number", [3, 5])
def test_tables_3_and_5_without_a_baseline_say_missing_and_why(number: int) -> None:
    table = made(number, without_baseline(cdd_grid(), "lwbn"))
    entry = row(table, "LWBN", "DAC", "spoof")[table.columns[-1].full_name]
    assert entry.text == "missing"
    assert "no baseline to compare with" in {note.mark: note.text for note in table.notes}[entry.mark]


def test_table_3_failed_training_and_baseline_show_their_state() -> None:
    results = cdd_grid()
    failed = {"lwbn/none/none/0", "x-aasist/xcodec2/spoof-replace-0.5/0"}
    cells = tuple(
        dataclasses.replace(c, status="failed", error="disk full", measurements=(), differences=())
        if c.cell_id in failed
        else c
        for c in results.cells
    )
    table = made(3, dataclasses.replace(results, cells=cells))
    for labels in (("LWBN", "baseline"), ("LWBN", "Mimi", "spoof"), ("X-AASIST", "XCodec2", "spoof")):
        entry = row(table, *labels)["All"]
        assert entry.text == "failed"
        assert "disk full" in {note.mark: note.text for note in table.notes}[entry.mark]


@pytest.mark.parametrize("number", [3, 4, 5])
def test_other_codecs_and_attacks_keep_their_names_and_get_no_figure_of_the_paper(number: int) -> None:
    results = cdd_grid(name="small", codecs=("opus-6kbps", "mimi-32cb"), attacks=("world", "csm"))
    table = made(number, results)
    columns = [column.name for column in table.columns]
    if number != 4:
        assert [name for name in columns if name in ("CSM", "world", "Mimi", "opus-6kbps")] == (
            ["CSM", "world", "Mimi", "opus-6kbps"] if number == 3 else ["Mimi", "opus-6kbps", "CSM", "world"]
        )
        assert row(table, "LWBN", "opus-6kbps", "spoof")
    for entries in table.rows:
        for entry, column in zip(entries, table.columns, strict=True):
            assert (
                "paper" not in column.parts or not isinstance(entry.values[-1], float) or math.isnan(entry.values[-1])
            )
    assert "left out" in " ".join(note.text for note in table.notes)


@pytest.mark.parametrize("number", [3, 4, 5])
def test_grid_of_which_nothing_is_done_makes_every_table(number: int) -> None:
    cells = tuple(dataclasses.replace(c, status="missing", measurements=(), differences=()) for c in cdd_grid().cells)
    table = made(number, GridResults("cdd", cells))
    assert {entry.text for entries in table.rows for entry in entries[3 if number != 4 else 2 :]} == {"missing"}
    assert made(number, GridResults("cdd", ())).rows == ()


def test_table_4_holds_this_experiment_and_the_compared_one_beside_the_paper() -> None:
    other = cdd_grid(name="asvspoof5", with_cors=False, evaluations=("T-CoSG", "T-CoRS", "All", "ASV5"))
    table = made(4, dataclasses.replace(cdd_grid(), compared=(other,)))
    assert [column.name for column in table.columns] == ["detector", "trained on", "ASV5", "T-CoSG", "T-CoRS", "All"]
    assert [(r[0].text, r[1].text) for r in table.rows] == [
        (detector, corpus) for detector in ("X-AASIST", "LWBN") for corpus in ("CDD", "ASVspoof 5")
    ]
    entries = row(table, "LWBN", "ASVspoof 5")
    assert [entries[f"tested on {name}"].details[-1] for name in ("ASV5", "T-CoSG", "T-CoRS", "All")] == [
        "(8.27)",
        "(31.24)",
        "(41.03)",
        "(39.29)",
    ]
    assert row(table, "LWBN", "CDD")["tested on ASV5"].text == "missing"
    measured = other.cells[-1].measurement("ASV5", "pooled")
    assert measured is not None
    assert entries["tested on ASV5"].values[0] == measured.eer


def test_table_4_compared_experiment_that_never_ran_is_missing_with_the_reason() -> None:
    never = GridResults("asvspoof5", (), trouble="experiment 'asvspoof5' never ran in results")
    table = made(4, dataclasses.replace(cdd_grid(), compared=(never,)))
    entry = row(table, "LWBN", "ASVspoof 5")["tested on All"]
    assert entry.text == "missing"
    assert {note.mark: note.text for note in table.notes}[entry.mark] == never.trouble


def test_table_5_shows_the_mean_cosine_where_the_score_is_their_sum() -> None:
    results = cdd_grid()
    table = made(5, results)
    assert table.groups() == [("", 3), ("bona fide", 7), ("spoof", 6)]
    base = results.select(detector="lwbn", policy="none")[0]
    codec, raw = base.measurement("T-CoRS", "bonafide-codec=mimi-32cb"), base.measurement("T-CoSG", "pooled")
    assert codec is not None
    assert raw is not None
    entries = row(table, "LWBN", "baseline")
    assert entries["bona fide Mimi"].values[0] == pytest.approx(codec.bonafide_mean / 25)
    assert entries["bona fide raw"].text == f"{raw.bonafide_mean / 25:.3f}"
    assert entries["spoof all"].text == f"{raw.spoof_mean / 25:.3f}"
    logit = results.select(detector="x-aasist", policy="none")[0].measurement("T-CoSG", "attack=os1")
    assert logit is not None
    assert row(table, "X-AASIST", "baseline")["spoof OS1"].values[0] == logit.spoof_mean
    assert "LWBN: the mean of 25 cosines, one per layer (the score is their sum)." in table.caption
    assert "X-AASIST: a logit." in table.caption


def test_table_5_other_rows_are_differences_in_the_same_unit() -> None:
    results = cdd_grid()
    ours = results.select(detector="lwbn", selection="mimi-32cb", policy="bonafide-replace-0.5")[0]
    base = results.select(detector="lwbn", policy="none")[0]
    pair = [cell.measurement("T-CoSG", "attack=csm") for cell in (ours, base)]
    means = [item.spoof_mean / 25 for item in pair if item is not None]
    entry = row(made(5, results), "LWBN", "Mimi", "bona fide")["spoof CSM"]
    assert entry.text == f"{means[0] - means[1]:+.3f}"
    assert entry.values[:2] == (pytest.approx(means[0]), pytest.approx(means[0] - means[1]))


def test_figures_of_the_paper_name_codecs_as_the_catalogue_does() -> None:
    letters = {entry.name: entry.letters.cdd for entry in load_catalogue() if entry.letters.cdd}
    assert {name: word(read_figures("cdd").codecs, name) for name in letters} == letters
    assert {word(read_figures("cdd").attacks, name) for name in ATTACKS} == set(GENERATORS)
    assert [word(read_figures("cdd").codecs, name) for name in CODECS] == PAPER_CODECS


def test_figures_of_the_paper_are_those_of_the_reference() -> None:
    figures = read_figures("cdd")
    stated = {(row.detector, row.training, key): value for row in figures.eers for key, value in row.percent.items()}
    keys = ("T-CoSG", "T-CoRS", "All")
    for detector, training, values in (
        ("X-AASIST", "CDD", (10.67, 22.06, 20.35)),
        ("LWBN", "CDD", (10.00, 20.65, 19.35)),
        ("X-AASIST", "ASVspoof 5", (33.09, 45.33, 43.13)),
        ("LWBN", "ASVspoof 5", (31.24, 41.03, 39.29)),
    ):
        assert tuple(stated.pop((detector, training, key)) for key in keys) == values
    assert stated == {("X-AASIST", "ASVspoof 5", "ASV5"): 9.07, ("LWBN", "ASVspoof 5", "ASV5"): 8.27}
    assert figures.differences == figures.scores == ()
