"""The table of significance: one row per comparison, its marks, its remarks, its place in the report."""

from __future__ import annotations

import csv
import dataclasses
import io
import math

import pytest

from grid.analysis.results import CellResult, GridResults
from grid.analysis.significance import Procedure, Significance
from grid.metrics.evaluation import Measurement
from grid.report.about import About
from grid.report.contents import outline
from grid.report.table import Cell, Table
from grid.report.tables.significance import significance_table
from grid.report.writers.csv import to_csv
from grid.report.writers.latex import to_latex
from grid.report.writers.markdown import to_markdown
from tests.support.made_up_codecfake import codecfake_grid

PROCEDURE = Procedure(0.01, "decisions", 10_000)


def compared(
    selection: str, eer: float, adjusted: float, t_p: float, wilcoxon_p: float, note: str = ""
) -> Significance:
    """A comparison with a baseline of 10 %."""
    return Significance(
        cell_id=f"{selection}-0",
        evaluation="CoSG",
        baseline="aasist-l",
        eer=eer,
        baseline_eer=0.1,
        t_p=t_p,
        wilcoxon_p=wilcoxon_p,
        difference=eer - 0.1,
        lower=eer - 0.12,
        upper=eer - 0.08,
        bootstrap_p=adjusted / 4,
        adjusted_p=adjusted,
        drawn="8 speakers",
        procedure=PROCEDURE,
        note=note,
    )


TESTS = (
    compared("both", 0.2, 0.0008, 1e-9, 0.0002),
    compared("eer-only", 0.15, 0.009, 0.3, 0.0001),
    compared("neither", 0.11, 0.2, 0.5, math.nan),
    compared("small", 0.3, 0.0008, 1e-9, 1e-9, "too small: 8 bona fide and 8 spoof trials"),
)
RESULTS = GridResults(
    "g",
    tuple(
        CellResult(
            each.cell_id,
            each.cell_id.removesuffix("-0"),
            ("mimi",),
            "spoof",
            "lcnn",
            0,
            "done",
            "",
            (Measurement("CoSG", "pooled", each.eer, 0, 1, 0.5, 80, 1440, 1, 0),),
        )
        for each in TESTS
    ),
    significance=TESTS,
)


def rows(table: Table) -> dict[str, dict[str, Cell]]:
    names = [column.full_name for column in table.columns]
    return {row[1].text: dict(zip(names, row, strict=True)) for row in table.rows}


def test_significance_table_has_both_eers_their_difference_and_every_p() -> None:
    assert [cell.full for cell in significance_table(RESULTS).rows[0]] == [
        "CoSG", "both", "spoof", "lcnn", "0", "20.00", "aasist-l", "10.00", "+10.00 [+8.00, +12.00]",
        "0.0002", "0.0008", "< 0.0001", "0.0002", "† *",
    ]  # fmt: skip


def test_significance_table_marks_what_differs_and_nothing_where_there_is_too_little() -> None:
    table = significance_table(RESULTS)
    verdicts = {name: row["verdict"] for name, row in rows(table).items()}
    assert {name: cell.text for name, cell in verdicts.items()} == {
        "both": "† *",
        "eer-only": "†",
        "neither": "no difference found",
        "small": "too few",
    }
    assert {note.mark: note.text for note in table.notes}[verdicts["small"].mark] == TESTS[-1].note
    assert [row["predictions Wilcoxon p"].text for row in rows(table).values()][2] == "none"


def test_significance_table_says_what_was_tested_and_how_many_together() -> None:
    table = significance_table(RESULTS)
    for words in (
        "99 % interval",
        "p < 0.01",
        "10000 replicates, so no p is below 0.0002",
        "all 4 comparisons",
        "own EER threshold",
    ):
        assert words in table.caption
    assert table.notes[0].text == (
        "CoSG: 80 bona fide and 1440 spoof trials; the bootstrap draws 8 speakers. Of 4 comparisons 2 have †, 1 *."
    )
    of_scores = tuple(
        dataclasses.replace(each, procedure=dataclasses.replace(PROCEDURE, predictions="scores")) for each in TESTS
    )
    assert "compare scores" in significance_table(dataclasses.replace(RESULTS, significance=of_scores)).caption


def test_significance_table_as_csv_has_fractions_and_words() -> None:
    (first, *_, last) = csv.DictReader(io.StringIO(to_csv(significance_table(RESULTS))))
    assert float(first["EER, paired bootstrap difference"]) == TESTS[0].difference
    assert float(first["predictions t-test p"]) == 1e-9
    assert (first["verdict eers_differ"], last["verdict eers_differ"]) == ("yes", "too few")


def test_significance_table_marks_survive_markdown_and_latex() -> None:
    table = significance_table(RESULTS)
    assert r"| † \*" in to_markdown(table)
    assert r"$\dagger$ *" in to_latex(table)


@pytest.mark.parametrize("tested", [True, False])
def test_report_has_the_table_where_the_experiment_asks_for_tests(tested: bool) -> None:
    results = codecfake_grid(tested=tested)
    names = [part.name for part in outline(results, About()).shown]
    assert ("significance" in names) == tested
    if tested:
        assert names.index("significance") > names.index("policies")
        table = significance_table(results)
        assert len(table.rows) == 45
        assert [note.text.partition(":")[0] for note in table.notes if not note.mark] == [
            "VALL-E",
            "VALL-E X",
            "SpeechX",
        ]
