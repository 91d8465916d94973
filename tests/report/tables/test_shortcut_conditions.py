"""The tables and the figure of encoding as a shortcut and of shortcut controls, on made-up cells."""

from __future__ import annotations

from pathlib import Path

import pytest

from grid.analysis.shortcut_conditions import CellShortcuts, ShortcutResults
from grid.measuring.shortcut_conditions import ConditionNumbers, ControlledCondition, EncodingCondition
from grid.report.figures.encoding_shortcut import encoding_figure
from grid.report.table import Table
from grid.report.tables.encoding_shortcut import encoding_policy_table, encoding_table
from grid.report.tables.shortcut_controls import controls_table

LYRA, OPUS = "lyra-v2-3.2kbps", "opus-6kbps"


def numbers(eer: float, accuracy: float | None = 0.75) -> ConditionNumbers:
    return ConditionNumbers(eer, eer - 0.02, eer + 0.03, 1 - eer, accuracy, 80, 120)


def cell(policy: str, seed: int, shift: float, *, accuracy: float | None = 0.75) -> CellShortcuts:
    encoding = [EncodingCondition("", "neither", numbers(0.1 + shift, accuracy))]
    for codec, more in ((LYRA, 0.3), (OPUS, 0.1)):
        encoding.append(EncodingCondition(codec, "bona fide", numbers(0.1 + more + shift, accuracy)))
        encoding.append(EncodingCondition(codec, "spoof", numbers(0.05 + shift, accuracy)))
    controlled = (
        ControlledCondition("Plain", "", numbers(0.1 + shift)),
        ControlledCondition("Plain", "low-pass-4khz", numbers(0.2 + shift)),
    )
    return CellShortcuts(f"{policy}{seed}", "none", policy, "lcnn", seed, tuple(encoding), controlled)


FOUND = ShortcutResults(
    (cell("spoof", 0, 0.2), cell("none", 0, 0.0), cell("none", 1, 0.02, accuracy=None)),
    {"lost": "its scores are damaged"},
)


def entries(table: Table) -> dict[tuple[str, ...], list[tuple[object, ...]]]:
    """The values of the columns of numbers, by the words of the columns before them."""
    words = sum(column.align == "left" for column in table.columns)
    return {tuple(c.text for c in row[:words]): [c.values for c in row[words:]] for row in table.rows}


def test_by_codec_the_trainings_without_cors_are_averaged_over_seeds() -> None:
    found = entries(encoding_table(FOUND))
    assert set(found) == {(LYRA, "lcnn"), (OPUS, "lcnn")}
    neither, bonafide, spoof, both = found[LYRA, "lcnn"][:4]
    assert neither == pytest.approx((0.11, 0.89, 0.75))
    assert bonafide == pytest.approx((0.41, 0.59, 0.75))
    assert spoof == pytest.approx((0.06, 0.94, 0.75))
    assert both == ("", "", "")


def test_the_papers_numbers_stand_beside_a_codec_that_it_has() -> None:
    found = entries(encoding_table(FOUND))
    assert found[LYRA, "lcnn"][4:] == [("50.5 / 27.6 / 51.0",), ("35.7 / 13.9 / 36.5",)]
    assert found[OPUS, "lcnn"][4:] == [("",), ("",)]


def test_by_policy_the_codecs_are_averaged() -> None:
    found = entries(encoding_policy_table(FOUND))
    assert found["lcnn", "none", "spoof"][1] == pytest.approx((0.5, 0.5, 0.75))
    assert found["lcnn", "none", "none"][1] == pytest.approx((0.31, 0.69, 0.75))


def test_what_is_missing_is_said() -> None:
    notes = " ".join(note.text for note in encoding_table(FOUND).notes)
    assert "balanced accuracy: 1 of 2 cells have none" in notes
    assert "lost: its scores are damaged" in notes


def test_controls_stand_beside_the_evaluation_as_it_is() -> None:
    table = controls_table(FOUND)
    found = entries(table)
    assert found["Plain", "lcnn", "none", "none"] == [pytest.approx((0.11,)), pytest.approx((0.21,))]
    assert [column.name for column in table.columns[-2:]] == ["as it is", "nothing above 4 kHz"]
    of_one_seed = next(row for row in table.rows if row[3].text == "spoof")
    assert of_one_seed[-1].details == ("[38.00, 43.00]",)


def test_figure_is_drawn_and_none_without_conditions(tmp_path: Path) -> None:
    (figure,) = encoding_figure(FOUND)
    assert "trained without CoRS" in figure.caption
    figure.draw(tmp_path / "one.png")
    (other,) = encoding_figure(ShortcutResults((cell("none", 0, 0.3),)))
    other.draw(tmp_path / "other.png")
    assert (tmp_path / "one.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "one.png").read_bytes() != (tmp_path / "other.png").read_bytes()
    assert encoding_figure(ShortcutResults()) == []
