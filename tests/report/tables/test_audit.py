"""The tables of an audit: classes side by side, marks, what was not measured, and the width of a terminal."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console

from grid.corpus.audit.compute import audit
from grid.report.tables.audit import groups_table, separation_table
from grid.report.writers.terminal import to_rich
from tests.corpus.audit.test_compute import SPOOF, corpus, utterance, with_features

ROWS = [utterance(f"a{n}") for n in range(30)] + [utterance(f"b{n}", **SPOOF) for n in range(30)]
FOUND = audit([with_features(corpus(*ROWS), level=[-21.5] * 30 + [-33.25] * 30)])


def text(row: int, column: int) -> str:
    return separation_table(FOUND).rows[row][column].full


def test_separation_table_has_both_classes_and_marks_what_leaks() -> None:
    table = separation_table(FOUND)
    assert [row[1].text for row in table.rows] == [
        "rate (kHz)",
        "duration (s)",
        "level (dBFS)",
        "silence (s)",
        "bandwidth (kHz)",
        "clipping (%)",
    ]
    assert [cell.full for cell in table.rows[2]] == [
        "train",
        "level (dBFS)",
        "-21.5 [-21.5, -21.5]",
        "-33.2 [-33.2, -33.2]",
        "0.0 [0.0, 13.6]",
        "bona fide",
    ]
    marks = {note.mark: note.text for note in table.notes}
    assert "ends below 30 %" in marks[table.rows[2][4].mark]
    assert (table.rows[3][4].text, table.rows[3][4].mark, table.rows[3][5].text) == ("50.0", "", "neither")


def test_separation_table_of_one_class_has_no_eer() -> None:
    alone = separation_table(audit([with_features(corpus(*ROWS[:30]))]))
    assert [cell.full for cell in alone.rows[0]] == ["train", "rate (kHz)", "16.0 [16.0, 16.0]", "-", "-", ""]
    generated = separation_table(audit([with_features(corpus(*ROWS[30:]))]))
    assert [cell.full for cell in generated.rows[0]] == ["train", "rate (kHz)", "-", "16.0 [16.0, 16.0]", "-", ""]


def test_separation_table_says_what_was_not_measured_and_the_command() -> None:
    table = separation_table(audit([corpus(*ROWS)]))
    assert [row[1].text for row in table.rows] == ["rate (kHz)", "duration (s)"]
    assert [note.text for note in table.notes] == [
        "Not measured: level, silence, bandwidth, clipping; to measure them: codecgrid audit c"
    ]


def test_groups_table_has_shares_and_rates() -> None:
    rows = [utterance("a0"), utterance("a1", sample_rate=48_000), utterance("t0", "test", sha256="file-a0")]
    shared = [replace(row, speaker="p1") if row.utterance_id in ("a1", "t0") else row for row in rows]
    table = groups_table(audit([corpus(*shared)]))
    assert [cell.full for cell in table.rows[0][2:]] == ["2", "2", "0.00", "16 (1), 48 (1)", "1 (50.0 %)", "1 (50.0 %)"]
    assert [note.text for note in table.notes] == [
        "c: 1 speakers are in more than one split, such as p1; its protocol promises nothing else."
    ]


def test_tables_fit_a_terminal_of_80_columns() -> None:
    console = Console(width=80, record=True)
    with console.capture() as captured:
        console.print(to_rich(groups_table(FOUND)))
        console.print(to_rich(separation_table(FOUND, quartiles=False)))
    lines = captured.get().splitlines()
    # no row continues on another line: each begins with its split
    drawn = [line for line in lines if line.startswith(("train", "      ")) and line.strip()]
    assert len([line for line in drawn if line.startswith("train")]) == 8
