"""The numbers of tables: seeds, baselines, taxonomy means by hand, and failures that never look like a result."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from grid.analysis.results import CellResult, CodecFacts, GridResults, condition_codec
from grid.core.errors import RequestError
from grid.core.identity import slug
from grid.report.summary import mean_and_error, points
from grid.report.table import Cell, Table
from grid.report.tables.cross_codec import cross_codec_matrix, matrix_table
from grid.report.tables.own_codec import own_codec_table
from grid.report.tables.policies import policy_table
from grid.report.tables.status import status_table
from grid.report.tables.taxonomy import taxonomy_table
from tests.support.made_up_results import CODECS, cell, full_grid


def shown(table: Table) -> list[list[str]]:
    return [[entry.full for entry in row] for row in table.rows]


def find(table: Table, *labels: str) -> dict[str, Cell]:
    (row,) = [row for row in table.rows if tuple(entry.text for entry in row[: len(labels)]) == labels]
    return dict(zip((column.full_name for column in table.columns), row, strict=True))


def test_policy_table_several_seeds_give_mean_and_standard_error() -> None:
    cells = (
        cell("none", "none", "lwbn", 0, codecs=(), T_CoRS__pooled=0.30),
        cell("none", "none", "lwbn", 1, codecs=(), T_CoRS__pooled=0.34),
        cell("mimi", "spoof", "lwbn", 0, T_CoRS__pooled=0.10),
        cell("mimi", "spoof", "lwbn", 1, T_CoRS__pooled=0.14),
        cell("mimi", "spoof", "lwbn", 2, T_CoRS__pooled=0.18),
    )
    table = policy_table(GridResults("g", cells, CODECS))
    # s = 0.04, SE = 0.04 / sqrt(3) = 0.023094; difference 0.14 - 0.32
    assert shown(table) == [["none", "none", "32.00 ± 2.00"], ["mimi", "spoof", "14.00 ± 2.31 (-18.00)"]]
    eer, lower, _, error, seeds, difference = table.rows[1][2].values
    assert (eer, seeds) == (pytest.approx(0.14), 3)
    assert error == pytest.approx(0.04 / math.sqrt(3))
    assert difference == pytest.approx(-0.18)
    assert isinstance(lower, float)
    assert math.isnan(lower)


def test_policy_table_single_seed_gives_bootstrap_interval() -> None:
    table = policy_table(GridResults("g", (cell("mimi", "spoof", "lwbn", T_CoRS__pooled=0.0836),), CODECS))
    assert shown(table) == [["mimi", "spoof", "8.36 [7.36, 9.36]"]]


def test_policy_table_prefers_baseline_of_the_same_selection() -> None:
    cells = (
        cell("none", "none", "lwbn", codecs=(), T_CoRS__pooled=0.40),
        cell("mimi", "none", "lwbn", T_CoRS__pooled=0.20),
        cell("mimi", "spoof", "lwbn", T_CoRS__pooled=0.10),
        cell("bigcodec", "spoof", "lwbn", T_CoRS__pooled=0.10),
    )
    table = policy_table(GridResults("g", cells, CODECS))
    assert find(table, "mimi", "spoof")["lwbn T-CoRS"].values[-1] == pytest.approx(-0.10)
    assert find(table, "bigcodec", "spoof")["lwbn T-CoRS"].values[-1] == pytest.approx(-0.30)


def test_policy_table_failed_missing_and_running_cells_say_so_with_the_reason() -> None:
    table = policy_table(full_grid())
    failed = find(table, "mimi", "spoof")["lwbn T-CoRS"]
    assert failed.text == "failed"
    assert set(failed.values) == {"failed"}
    reason = {note.mark: note.text for note in table.notes}[failed.mark]
    assert "CUDA out of memory" in reason
    assert "mimi/spoof/lwbn/1" in reason
    assert find(table, "spectral", "bonafide")["x-aasist T-CoRS"].text == "missing"
    assert find(table, "amr-wb", "spoof")["x-aasist T-CoRS"].text == "running"


def test_policy_table_partly_failed_seeds_average_the_others_with_a_footnote() -> None:
    table = policy_table(full_grid())
    partial = find(table, "bigcodec", "spoof")["lwbn T-CoRS"]
    assert partial.full.startswith("20.00 [")
    assert partial.values[4] == 1
    assert "disk full" in {note.mark: note.text for note in table.notes}[partial.mark]


def test_policy_table_combination_outside_the_grid_is_a_dash() -> None:
    cells = (
        cell("mimi", "spoof", "lwbn", T_CoRS__pooled=0.1),
        cell("bigcodec", "spoof", "x-aasist", T_CoRS__pooled=0.1),
    )
    table = policy_table(GridResults("g", cells, CODECS))
    entry = find(table, "mimi", "spoof")["x-aasist T-CoRS"]
    assert (entry.text, entry.values[0], entry.mark) == ("-", "absent", "")


def test_policy_table_done_cell_without_that_measurement_is_missing() -> None:
    cells = (
        cell("mimi", "spoof", "lwbn", T_CoRS__pooled=0.1),
        cell("bigcodec", "spoof", "lwbn", T_CoSG__pooled=0.1),
    )
    table = policy_table(GridResults("g", cells, CODECS))
    entry = find(table, "bigcodec", "spoof")["lwbn T-CoRS"]
    assert (entry.text, bool(entry.mark)) == ("missing", True)


@pytest.mark.parametrize("make", [policy_table, status_table])
def test_table_of_full_grid_has_no_blank_or_zero_entry(make: Callable[[GridResults], Table]) -> None:
    for row in shown(make(full_grid())):
        assert all(text.strip() and not text.startswith("0.00") for text in row)


def test_status_table_lists_every_cell_with_status_and_counts() -> None:
    results = full_grid()
    table = status_table(results)
    assert len(table.rows) == len(results.cells) == 52
    assert "45 done, 3 failed, 2 running, 2 missing" in table.caption
    entry = find(table, "bigcodec/spoof/lwbn/1")
    assert (entry["status"].text, entry["pooled EER T-CoRS"].text) == ("failed", "failed")
    assert entry["status"].mark


def test_cross_codec_matrix_rows_train_columns_test() -> None:
    matrix = cross_codec_matrix(full_grid(), evaluation="T-CoRS", policy="spoof", detector="x-aasist")
    assert matrix.train_codecs == matrix.test_codecs == tuple(CODECS)
    table = matrix_table(matrix)
    row = find(table, "dac-16khz")
    assert row["tested on dac-16khz"].full == "1.00 ± 0.00"
    # level 0.10 (seed 0) and 0.104 (seed 1), + 0.07 per place of the test codec: 0.17 and 0.174
    assert row["tested on encodec-24khz-6kbps"].full == "17.20 ± 0.20"


def test_cross_codec_matrix_has_one_order_by_row_and_by_column() -> None:
    cells = tuple(
        cell(codec, "spoof", "lwbn", T_CoRS__dac_16khz=0.4, T_CoRS__mimi=0.2, T_CoRS__bigcodec=0.3, T_CoRS__amr_wb=0.1)
        for codec in ("amr-wb", "unheard", "mimi")
    )
    matrix = cross_codec_matrix(GridResults("g", cells, CODECS), evaluation="T-CoRS", detector="lwbn")
    # the order of the grid, not of the catalogue; what is trained or tested alone comes after
    assert matrix.train_codecs == ("amr-wb", "mimi", "unheard")
    assert matrix.test_codecs == ("amr-wb", "mimi", "dac-16khz", "bigcodec")
    assert [100 * entry.mean for entry in matrix.summaries[0]] == pytest.approx([10, 20, 40, 30])


def test_cross_codec_matrix_leaves_out_selections_of_several_codecs() -> None:
    cells = (
        cell("mimi", "spoof", "lwbn", T_CoRS__mimi=0.01, T_CoRS__bigcodec=0.2),
        cell("all", "spoof", "lwbn", codecs=("mimi", "bigcodec"), T_CoRS__mimi=0.02),
    )
    matrix = cross_codec_matrix(GridResults("g", cells, CODECS), evaluation="T-CoRS", detector="lwbn")
    assert matrix.train_codecs == ("mimi",)


@pytest.mark.parametrize(
    "wrong",
    [{"evaluation": "T-CoSG"}, {"policy": "spof"}, {"detector": "lbwn"}],
    ids=["evaluation", "policy", "detector"],
)
def test_cross_codec_matrix_unknown_name_lists_choices(wrong: dict[str, str]) -> None:
    with pytest.raises(RequestError, match="Choices"):
        cross_codec_matrix(full_grid(), **{"evaluation": "T-CoRS", "detector": "lwbn", "policy": "spoof"} | wrong)


TAXONOMY_CELLS = (
    cell("mimi", "spoof", "lwbn", T_CoRS__mimi=0.02, T_CoRS__dac_16khz=0.10, T_CoRS__bigcodec=0.30, T_CoRS__amr_wb=0.4),
    cell(
        "dac-16khz",
        "spoof",
        "lwbn",
        T_CoRS__mimi=0.20,
        T_CoRS__dac_16khz=0.04,
        T_CoRS__bigcodec=0.40,
        T_CoRS__amr_wb=0.2,
    ),
    cell(
        "bigcodec",
        "spoof",
        "lwbn",
        T_CoRS__mimi=0.20,
        T_CoRS__dac_16khz=0.30,
        T_CoRS__bigcodec=0.01,
        T_CoRS__amr_wb=0.3,
    ),
    cell("all", "spoof", "lwbn", codecs=("mimi", "bigcodec"), T_CoRS__mimi=0.01),
)


def test_taxonomy_table_is_mean_over_members_of_mean_over_codecs() -> None:
    table = taxonomy_table(GridResults("g", TAXONOMY_CELLS, CODECS), axis="qua", evaluation="T-CoRS", detector="lwbn")
    # Mvq members: mimi (.02 + .10)/2 = .06 and dac (.20 + .04)/2 = .12: mean .09, SE |.12 - .06|/2 = .03
    assert shown(table) == [
        ["Mvq", "9.00 ± 3.00 (n=2)", "35.00 ± 5.00 (n=2)", "30.00 ± 10.00 (n=2)"],
        ["Svq", "25.00 (n=1)", "1.00 (n=1)", "30.00 (n=1)"],
    ]
    assert [column.name for column in table.columns] == ["trained on", "Mvq", "Svq", "transmission"]
    assert "all" in table.notes[0].text
    single = find(table, "Svq")["tested on Mvq"]
    assert "no standard error" in {note.mark: note.text for note in table.notes}[single.mark]


def test_taxonomy_table_without_same_codec_leaves_out_the_diagonal() -> None:
    table = taxonomy_table(
        GridResults("g", TAXONOMY_CELLS, CODECS), axis="qua", evaluation="T-CoRS", detector="lwbn", same_codec=False
    )
    assert shown(table) == [
        ["Mvq", "15.00 ± 5.00 (n=2)", "35.00 ± 5.00 (n=2)", "30.00 ± 10.00 (n=2)"],
        ["Svq", "25.00 (n=1)", "no other codec", "30.00 (n=1)"],
    ]


def test_taxonomy_table_seeds_average_before_members_do() -> None:
    cells = (
        cell("mimi", "spoof", "lwbn", 0, T_CoRS__bigcodec=0.10),
        cell("mimi", "spoof", "lwbn", 1, T_CoRS__bigcodec=0.30),
        cell("dac-16khz", "spoof", "lwbn", 0, T_CoRS__bigcodec=0.40),
    )
    table = taxonomy_table(GridResults("g", cells, CODECS), axis="qua", evaluation="T-CoRS", detector="lwbn")
    assert shown(table) == [["Mvq", "30.00 ± 10.00 (n=2)"]]


def test_taxonomy_table_failed_member_lowers_n_and_is_footnoted() -> None:
    cells = (*TAXONOMY_CELLS[:1], cell("dac-16khz", "spoof", "lwbn", status="failed", error="disk full"))
    table = taxonomy_table(GridResults("g", cells, CODECS), axis="qua", evaluation="T-CoRS", detector="lwbn")
    entry = find(table, "Mvq")["tested on Svq"]
    assert entry.text == "30.00 (n=1)"
    assert "disk full" in {note.mark: note.text for note in table.notes}[entry.mark]


def test_taxonomy_table_category_whose_members_all_failed_says_failed() -> None:
    cells = (*TAXONOMY_CELLS[:1], cell("bigcodec", "spoof", "lwbn", status="failed", error="disk full"))
    table = taxonomy_table(GridResults("g", cells, CODECS), axis="qua", evaluation="T-CoRS", detector="lwbn")
    assert {entry.text for entry in table.rows[1][1:]} == {"failed"}


@pytest.mark.parametrize(
    ("axis", "expected"),
    [("aux", ["None", "Sem", "transmission"]), ("dec", ["Time", "Freq", "transmission"])],
)
def test_taxonomy_table_categories_come_in_the_papers_order(axis: str, expected: list[str]) -> None:
    table = taxonomy_table(full_grid(), axis=axis, evaluation="T-CoRS", detector="lwbn")  # type: ignore[arg-type]
    assert [column.name for column in table.columns][1:] == expected


def test_taxonomy_table_codec_without_facts_is_unclassified() -> None:
    cells = (cell("mimi", "spoof", "lwbn", T_CoRS__opus=0.3, T_CoRS__mimi=0.1),)
    results = GridResults("g", cells, {"mimi": CODECS["mimi"], "opus": CodecFacts("opus")})
    table = taxonomy_table(results, axis="qua", evaluation="T-CoRS", detector="lwbn")
    assert [column.name for column in table.columns] == ["trained on", "Mvq", "unclassified"]


def test_mean_and_error_of_one_or_no_value_has_no_error() -> None:
    assert mean_and_error([0.25])[0] == 0.25
    assert math.isnan(mean_and_error([0.25])[1])
    assert all(math.isnan(value) for value in mean_and_error([]))


def test_points_small_negative_difference_is_not_minus_zero() -> None:
    assert points(-0.00001) == "+0.00"


@pytest.mark.parametrize(
    ("condition", "codec"),
    [("codec=mimi", "mimi"), ("pooled", None), ("attack=a", None), ("attack=a,codec=mimi", None)],
)
def test_condition_codec_only_of_conditions_about_a_codec_alone(condition: str, codec: str | None) -> None:
    assert condition_codec(condition) == codec


def test_slug_names_that_differ_in_signs_only_get_different_files() -> None:
    assert slug("T-CoRS") == "t-cors"
    assert slug("spoof-replace-0.5") == "spoof-replace-0.5"
    assert len({slug("a b"), slug("a_b"), slug("a-b"), slug("é"), slug("ü")}) == 5


def test_cell_result_unknown_measurement_is_none() -> None:
    assert CellResult("1", "s", (), "none", "d", 0, "done").measurement("T-CoRS", "pooled") is None


def test_own_codec_table_takes_each_training_on_its_own_codec_and_pairs_differences() -> None:
    cells = (
        cell("mimi", "none", "lwbn", T_CoRS__mimi=0.30, T_CoRS__pooled=0.5),
        cell("mimi", "bonafide", "lwbn", T_CoRS__mimi=0.20, T_CoRS__pooled=0.5),
        cell("bigcodec", "none", "lwbn", T_CoRS__bigcodec=0.40, T_CoRS__mimi=0.9),
        cell("bigcodec", "bonafide", "lwbn", T_CoRS__bigcodec=0.36, T_CoRS__pooled=0.5),
    )
    table = own_codec_table(GridResults("g", cells, CODECS))
    assert find(table, "mimi", "bonafide")["lwbn T-CoRS"].values[0] == pytest.approx(0.20)
    # differences -10 and -4 points: mean -7, standard error 3 / sqrt(2) * sqrt(2) = 3
    mean = find(table, "mean over codecs", "bonafide")["lwbn T-CoRS"]
    assert mean.full == "28.00 ± 8.00 (-7.00 ± 3.00)"
