"""Tests of `codecgrid eer`: values in percent, conditions, and files that do not belong together."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.support.command_line import codecgrid

Row = tuple[str, str, str, float]
# bona fide 4, 3, 2, 1; attack A below them all, attack B with one of four above three of them
ROWS: list[Row] = [
    *((f"b{i}", "bonafide", "", float(i)) for i in range(1, 5)),
    *((f"a{i}", "spoof", "A", -float(i)) for i in range(1, 5)),
    *((f"c{i}", "spoof", "B", value) for i, value in enumerate((3.5, -1.5, -2.5, -3.5))),
]


def write(folder: Path, rows: list[Row]) -> tuple[Path, Path]:
    """A score file and its protocol."""
    scores, protocol = folder / "scores.csv", folder / "protocol.csv"
    with scores.open("w", newline="") as stream:
        csv.writer(stream).writerows([("utterance_id", "score"), *((name, score) for name, _, _, score in rows)])
    with protocol.open("w", newline="") as stream:
        header = ("utterance_id", "path", "key", "attack")
        csv.writer(stream).writerows([header, *((name, f"{name}.wav", key, attack) for name, key, attack, _ in rows)])
    return scores, protocol


def test_eer_as_json_is_in_percent_with_its_counts(tmp_path: Path) -> None:
    scores, protocol = write(tmp_path, ROWS)
    found = codecgrid("eer", scores, "--protocol", protocol, "--replicates", 100, "--json").json
    assert set(found) == {"eer", "interval", "n_bonafide", "n_spoof"}
    assert (found["n_bonafide"], found["n_spoof"]) == (4, 8)
    low, high = found["interval"]
    assert 0 <= low <= found["eer"] <= high <= 100
    assert 12.5 <= found["eer"] <= 25  # between the rates at the two thresholds around the crossing


def test_eer_by_condition_gives_each_attack_all_bona_fide_trials(tmp_path: Path) -> None:
    scores, protocol = write(tmp_path, ROWS)
    options = ("--protocol", protocol, "--condition", "attack", "--replicates", 100)
    found = codecgrid("eer", scores, *options, "--json").json["conditions"]
    assert {name: (row["n_bonafide"], row["n_spoof"]) for name, row in found.items()} == {"A": (4, 4), "B": (4, 4)}
    assert found["A"]["eer"] == 0.0
    assert found["B"]["eer"] == pytest.approx(25.0)
    assert codecgrid("eer", scores, *options).out.splitlines()[1].startswith("A: EER 0.00 % (0.00 to 0.00)")


def test_eer_reads_ids_that_have_a_quote_in_front_for_spreadsheets(tmp_path: Path) -> None:
    plain = [(f"={name}", *rest) for name, *rest in ROWS]
    _, protocol = write(tmp_path, plain)
    (tmp_path / "quoted").mkdir()
    scores, _ = write(tmp_path / "quoted", [(f"'{name}", *rest) for name, *rest in plain])
    assert codecgrid("eer", scores, "--protocol", protocol, "--replicates", 100, "--json").json["n_spoof"] == 8


def test_eer_of_constant_scores_is_fifty(tmp_path: Path) -> None:
    scores, protocol = write(tmp_path, [(name, key, attack, 0.5) for name, key, attack, _ in ROWS])
    found = codecgrid("eer", scores, "--protocol", protocol, "--replicates", 100, "--json").json
    assert found["eer"] == 50.0


@pytest.mark.parametrize(
    ("rows", "options", "said"),
    [
        (ROWS[4:], (), "bona ?fide"),
        (ROWS[:4], (), "spoof"),
        (ROWS, ("--condition", "atack"), "unknown condition column 'atack'; did you mean 'attack'"),
        ([*ROWS[:-1], ("c3", "spoof", "B", float("nan"))], (), r"scores\.csv:13: .* is 'nan', not a finite number"),
        ([*ROWS[:-1], ("c3", "fake?", "B", 0.0)], (), r"protocol\.csv:13: "),
    ],
)
def test_eer_of_files_it_cannot_measure_ends_with_two(
    tmp_path: Path, rows: list[Row], options: tuple[str, ...], said: str
) -> None:
    import re

    scores, protocol = write(tmp_path, rows)
    ended = codecgrid("eer", scores, "--protocol", protocol, *options)
    assert ended.status == 2
    assert re.search(said, ended.err)
    assert ended.out == ""


def test_eer_with_scores_missing_ends_with_two(tmp_path: Path) -> None:
    scores, protocol = write(tmp_path, ROWS)
    scores.write_text("\n".join(scores.read_text().splitlines()[:-2]) + "\n")
    ended = codecgrid("eer", scores, "--protocol", protocol)
    assert ended.status == 2
    assert "2 utterances, such as 'c2', are in" in ended.err
