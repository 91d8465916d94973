"""The tables of the CDD paper: layout, stated figures, differences by hand, compared grids, missing results."""

from __future__ import annotations

import dataclasses
import math

import pytest

from grid.analysis.results import GridResults
from grid.codecs.catalogue import load_catalogue
from grid.report.page import Part
from grid.report.papers import paper_parts
from grid.report.papers.shared.published import LabelledDifference, MeanScore, TrainingCorpusEer, published
from grid.report.papers.shared.words import paper_words, word
from grid.report.table import Cell, Table
from tests.support.made_up_cdd import ATTACKS, CODECS, cdd_grid

GENERATORS = ["MS5", "CSM", "OS1", "CV2", "LSA", "CBX"]
PAPER_CODECS = ["EnC", "Mimi", "DAC", "XC2"]
DETECTORS = ["X-AASIST", "LWBN"]


def made(number: int, results: GridResults) -> Table:
    """The table in the layout of the paper, the first of its parts."""
    return as_table(paper_parts(f"cdd-table-{number}", results)[0])


def more(results: GridResults) -> Table:
    """What ours has beyond Table 5."""
    return as_table(paper_parts("cdd-table-5", results)[1])


def as_table(part: Part) -> Table:
    assert isinstance(part, Table)
    return part


def row(table: Table, *labels: str) -> dict[str, Cell]:
    (found,) = [row for row in table.rows if tuple(entry.text for entry in row[: len(labels)]) == labels]
    return dict(zip((column.full_name for column in table.columns), found, strict=True))


def without_baseline(results: GridResults, detector: str) -> GridResults:
    cells = tuple(c for c in results.cells if (c.detector, c.policy) != (detector, "none"))
    return dataclasses.replace(results, cells=cells)


def test_table_3_has_the_papers_blocks_of_rows_and_columns_in_its_order() -> None:
    table = made(3, cdd_grid())
    assert table.groups() == [("", 3), ("T-CoSG", 7), ("T-CoRS", 5), ("", 1)]
    assert [column.name for column in table.columns[3:]] == [*GENERATORS, "pooled", *PAPER_CODECS, "pooled", "All"]
    labels = [tuple(entry.text for entry in row[:3]) for row in table.rows]
    base = [("none", detector, "baseline") for detector in DETECTORS]
    trained = [
        (mark, detector, codec) for mark in ("bona fide", "spoof") for detector in DETECTORS for codec in PAPER_CODECS
    ]
    assert labels == base + trained
    assert len(labels) == 18


def test_table_3_has_every_figure_of_the_paper_beside_ours_and_the_difference() -> None:
    table = made(3, cdd_grid())
    found = {}
    for entries in table.rows:
        mark, detector, codec = (entry.text for entry in entries[:3])
        for entry, column in zip(entries[3:], table.columns[3:], strict=True):
            name = column.group if column.name == "pooled" else column.name
            key = (mark.replace(" ", ""), detector, codec.replace("baseline", "none"), name)
            ours, paper, less = float(entry.values[0 if mark == "none" else 1]), *map(float, entry.values[-2:])
            assert less == pytest.approx(ours - paper)
            found[key] = round(100 * paper, 4)
    rows = published("cdd-table-3", LabelledDifference)
    assert found == {(r.label_of_cors, r.detector, r.codec, r.column): r.percent_or_points for r in rows}
    entry = row(table, "bona fide", "LWBN", "Mimi")["T-CoSG CSM"]
    assert entry.details[-2:] == ("(+12.08,", f"{100 * float(entry.values[1]) - 12.08:+.2f})")


def test_table_3_has_what_the_paper_does_not_have_after_what_it_has() -> None:
    codecs = (*CODECS, "opus-6kbps")
    results = cdd_grid(codecs=codecs, attacks=(*ATTACKS, "world"))
    table = made(3, results)
    assert [column.full_name for column in table.columns[-3:]] == ["All", "T-CoSG world", "T-CoRS opus-6kbps"]
    labels = [tuple(entry.text for entry in row[:3]) for row in table.rows]
    assert labels[18:] == [(mark, detector, "opus-6kbps") for mark in ("bona fide", "spoof") for detector in DETECTORS]


def test_table_3_says_what_differs_in_the_set_up() -> None:
    results = dataclasses.replace(cdd_grid(seeds=(0, 1)), corpora=("cdd", "asvspoof5"))
    (ours, paper) = made(3, results).caption.split("Set-up of ours: ")[1].split(" Of the paper: ")
    assert (
        ours == "experiment cdd; corpora cdd, asvspoof5; detectors x-aasist (its X-AASIST), lwbn (its LWBN); 2 seeds."
    )
    assert "one run each" in paper
    without = cdd_grid(attacks=("csm", "ms5"))
    (note,) = [note.text for note in made(3, without).notes if "no trials of" in note.text]
    assert "OS1, CV2, LSA, CBX, so that its pooled columns" in note


def test_table_3_baseline_shows_its_interval_then_the_paper() -> None:
    table = made(3, cdd_grid())
    entry = row(table, "none", "X-AASIST")["T-CoSG MS5"]
    ours = 100 * float(entry.values[0])
    assert entry.details == (f"[{ours - 1:.2f},", f"{ours + 1:.2f}]", "(2.75,", f"{ours - 2.75:+.2f})")
    assert [note.text for note in table.notes] == []


def test_table_3_single_seed_differences_have_their_paired_interval() -> None:
    results = cdd_grid()
    base = results.select(detector="lwbn", policy="none")[0].measurement("T-CoSG", "attack=csm")
    ours = results.select(detector="lwbn", selection="mimi-32cb", policy="spoof-replace-0.5")[0]
    found = ours.measurement("T-CoSG", "attack=csm")
    assert base is not None
    assert found is not None
    entry = row(made(3, results), "spoof", "LWBN", "Mimi")["T-CoSG CSM"]
    points = 100 * (found.eer - base.eer)
    assert entry.text == f"{points:+.2f}"
    assert entry.full.startswith(f"{points:+.2f} [{points - 1.2:+.2f}, {points + 1.3:+.2f}] (+0.42,")
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
    entry = row(made(3, results), "spoof", "LWBN", "XC2")["All"]
    assert entry.full == f"{100 * mean:+.2f} ± {100 * error:.2f} (-0.37, {100 * mean + 0.37:+.2f})"
    assert entry.values[5] == 3


def test_table_3_seed_without_its_baseline_is_left_out_with_a_footnote() -> None:
    results = cdd_grid(seeds=(0, 1))
    cells = tuple(c for c in results.cells if c.cell_id != "lwbn/none/none/1")
    table = made(3, dataclasses.replace(results, cells=cells))
    entry = row(table, "spoof", "LWBN", "DAC")["All"]
    assert entry.values[5] == 1
    assert "seed 1: no baseline" in {note.mark: note.text for note in table.notes}[entry.mark]


@pytest.mark.parametrize("number", [3, 5])
def test_tables_3_and_5_without_a_baseline_say_missing_and_why(number: int) -> None:
    table = made(number, without_baseline(cdd_grid(), "lwbn"))
    entry = row(table, *(["spoof", "LWBN", "DAC"] if number == 3 else ["DAC"]))[table.columns[-1].full_name]
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
    for labels in (("none", "LWBN"), ("spoof", "LWBN", "Mimi"), ("spoof", "X-AASIST", "XC2")):
        entry = row(table, *labels)["All"]
        assert entry.text == "failed"
        assert "disk full" in {note.mark: note.text for note in table.notes}[entry.mark]


@pytest.mark.parametrize("number", [3, 4, 5])
def test_other_codecs_and_attacks_keep_their_names_and_get_no_figure_of_the_paper(number: int) -> None:
    results = cdd_grid(name="small", codecs=("opus-6kbps", "mimi-32cb"), attacks=("world", "csm"))
    table = made(number, results)
    if number == 3:
        columns = [column.name for column in table.columns if column.name not in ("pooled", "All")]
        assert columns[3:] == ["CSM", "Mimi", "world", "opus-6kbps"]
        assert row(table, "spoof", "LWBN", "opus-6kbps")
    if number == 5:
        assert [entries[0].text for entries in table.rows] == ["Base", "Mimi", "opus-6kbps"]
    for entries in table.rows:
        for entry, column in zip(entries, table.columns, strict=True):
            if "paper" in column.parts:
                stated = entry.values[column.parts.index("paper")]
                assert not isinstance(stated, float) or math.isnan(stated)
    notes = " ".join(note.text for note in table.notes)
    assert "left out" in notes
    assert f"codecgrid report --published cdd-table-{number}." in notes


@pytest.mark.parametrize("number", [3, 4, 5])
def test_grid_of_which_nothing_is_done_makes_every_table(number: int) -> None:
    cells = tuple(dataclasses.replace(c, status="missing", measurements=(), differences=()) for c in cdd_grid().cells)
    table = made(number, GridResults("cdd", cells))
    first = {3: 3, 4: 2, 5: 1}[number]
    assert {entry.text for entries in table.rows for entry in entries[first:]} == {"missing"}
    assert made(number, GridResults("cdd", ())).rows == ()


def test_table_4_holds_this_experiment_and_the_compared_one_beside_the_paper() -> None:
    other = cdd_grid(name="asvspoof5", with_cors=False, evaluations=("T-CoSG", "T-CoRS", "All", "ASV5"))
    table = made(4, dataclasses.replace(cdd_grid(), compared=(other,)))
    assert [column.name for column in table.columns] == ["detector", "trained on", "ASV5", "T-CoSG", "T-CoRS", "All"]
    assert [(r[0].text, r[1].text) for r in table.rows] == [
        (detector, corpus) for corpus in ("ASVspoof 5", "CDD") for detector in DETECTORS
    ]
    entries = row(table, "LWBN", "ASVspoof 5")
    for test_set, paper in {"ASV5": 8.27, "T-CoSG": 31.24, "T-CoRS": 41.03, "All": 39.29}.items():
        entry = entries[f"tested on {test_set}"]
        assert entry.details[-1] == f"({paper:.2f}, {100 * float(entry.values[0]) - paper:+.2f})"
    assert row(table, "LWBN", "CDD")["tested on ASV5"].text == "missing"
    measured = other.cells[-1].measurement("ASV5", "pooled")
    assert measured is not None
    assert entries["tested on ASV5"].values[0] == measured.eer


def test_table_4_has_the_papers_asv5_of_detectors_trained_on_cdd() -> None:
    table = made(4, cdd_grid(evaluations=("T-CoSG", "T-CoRS", "All", "ASV5")))
    shown = [row(table, detector, "CDD")["tested on ASV5"].values[-2] for detector in DETECTORS]
    assert shown == [pytest.approx(0.5163), pytest.approx(0.6802)]
    assert len(published("cdd-table-4", TrainingCorpusEer)) == 16


def test_table_4_compared_experiment_that_never_ran_is_missing_with_the_reason() -> None:
    never = GridResults("asvspoof5", (), trouble="experiment 'asvspoof5' never ran in results")
    table = made(4, dataclasses.replace(cdd_grid(), compared=(never,)))
    entry = row(table, "LWBN", "ASVspoof 5")["tested on All"]
    assert entry.text == "missing"
    assert {note.mark: note.text for note in table.notes}[entry.mark] == never.trouble


def test_table_5_has_the_papers_five_rows_and_four_columns_of_t_cosg() -> None:
    results = cdd_grid()
    table = made(5, results)
    assert [entries[0].text for entries in table.rows] == ["Base", *PAPER_CODECS]
    assert [column.full_name for column in table.columns[1:]] == [
        f"{detector} {speech}" for detector in DETECTORS for speech in ("spoof", "bona fide")
    ]
    assert "policy spoof-replace-0.5" in table.caption
    of_spoof = results.select(detector="lwbn", selection="mimi-32cb", policy="spoof-replace-0.5")[0]
    base = results.select(detector="lwbn", policy="none")[0]
    pair = [cell.measurement("T-CoSG", "pooled") for cell in (of_spoof, base)]
    ours, theirs = (item.bonafide_mean / 25 for item in pair if item is not None)
    entry = row(table, "Mimi")["LWBN bona fide"]
    assert entry.values[1] == pytest.approx(ours - theirs)
    assert entry.full == f"{ours - theirs:+.4f} (-0.0359, {ours - theirs + 0.0359:+.4f})"
    assert row(table, "Base")["LWBN spoof"].values[-2] == 0.0280


def test_table_5_has_every_figure_of_the_paper() -> None:
    table = made(5, cdd_grid())
    found = {
        (column.group, entries[0].text.replace("Base", "none"), column.name.replace(" ", "")): entry.values[-2]
        for entries in table.rows
        for entry, column in zip(entries[1:], table.columns[1:], strict=True)
    }
    rows = published("cdd-table-5", MeanScore)
    assert found == {(r.detector, r.codec, r.speech): r.score_or_difference for r in rows}
    assert len(found) == 20


def test_table_5_shows_the_mean_cosine_where_the_score_is_their_sum() -> None:
    results = cdd_grid()
    table = more(results)
    assert table.groups() == [("", 3), ("bona fide", 7), ("spoof", 7)]
    base = results.select(detector="lwbn", policy="none")[0]
    codec, raw = base.measurement("T-CoRS", "bonafide-codec=mimi-32cb"), base.measurement("T-CoSG", "pooled")
    assert codec is not None
    assert raw is not None
    entries = row(table, "none", "LWBN")
    assert entries["bona fide Mimi"].values[0] == pytest.approx(codec.bonafide_mean / 25)
    assert entries["bona fide raw"].text == f"{raw.bonafide_mean / 25:.3f}"
    assert entries["spoof all"].text == f"{raw.spoof_mean / 25:.3f}"
    logit = results.select(detector="x-aasist", policy="none")[0].measurement("T-CoSG", "attack=os1")
    assert logit is not None
    assert row(table, "none", "X-AASIST")["spoof OS1"].values[0] == logit.spoof_mean
    assert "LWBN: the mean of 25 cosines, one per layer (the score is their sum)." in table.caption
    assert "X-AASIST: a logit." in table.caption


def test_table_5_other_rows_are_differences_in_the_same_unit() -> None:
    results = cdd_grid()
    ours = results.select(detector="lwbn", selection="mimi-32cb", policy="bonafide-replace-0.5")[0]
    base = results.select(detector="lwbn", policy="none")[0]
    pair = [cell.measurement("T-CoSG", "attack=csm") for cell in (ours, base)]
    means = [item.spoof_mean / 25 for item in pair if item is not None]
    entry = row(more(results), "bona fide", "LWBN", "Mimi")["spoof CSM"]
    assert entry.text == f"{means[0] - means[1]:+.3f}"
    assert entry.values[:2] == (pytest.approx(means[0]), pytest.approx(means[0] - means[1]))


def test_words_of_the_paper_name_codecs_as_the_catalogue_does() -> None:
    short = {"EnCodec": "EnC", "XCodec2": "XC2"}  # the words of Table 3 for those of Table 1
    letters = {
        entry.name: entry.letters.cdd
        for entry in load_catalogue()
        if entry.letters.cdd not in (None, "", "S3Tokenizer")
    }
    assert {name: word(paper_words("cdd").codecs, name) for name in letters} == {
        name: short.get(letter, letter) for name, letter in letters.items()
    }
    assert [word(paper_words("cdd").codecs, name) for name in CODECS] == PAPER_CODECS == list(paper_words("cdd").codecs)
    assert list(paper_words("cdd").attacks) == GENERATORS
