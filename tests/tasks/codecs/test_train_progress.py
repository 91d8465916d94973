"""The rows of small codecs that train: what stands in them, and that they fit the console."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from grid.codec_training.progress import HistoryLine
from grid.codecs.controlled.spec import CodecSpec, member_names
from tasks.codecs.train_progress import ProgressRows, short_names
from tests.support.tiny_codecs import spec

DISTANCES = {"1688-142285-0000": 6.017, "1998-15444-0000": 5.306, "367-130732-0000": 5.2, "533-1066-0000": 11.653}


def line(step: int, distances: dict[str, float]) -> HistoryLine:
    """Of the size that real trainings have, with a loss of their first steps."""
    return HistoryLine(step, 1514.9, 4e-05, 12.651, 0.275, 0.114, 0.110, 0.378, 2.387, 2.839, 0.201, distances)


def member(name: str) -> CodecSpec:
    return spec(steps=10_000).model_copy(update={"name": name})


def shown(
    width: int, names: list[str], *, height: int = 25, terminal: bool = False, distances: dict[str, float] = DISTANCES
) -> list[str]:
    """Two rows of each member."""
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=terminal, no_color=True)
    rows = ProgressRows(console, names)
    for step in (200, 10_000):
        for name in names:
            rows(member(name), line(step, distances))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_rows_of_the_family_at_eighty_columns_have_every_loss_and_the_mean_distance() -> None:
    first, second, *rows = shown(80, member_names())
    assert max(map(len, [first, second, *rows])) <= 80
    assert first.split() == ["sec-", "magni-", "auxil-", "mo-", "LSD,"]
    assert second.split() == ["codec", "step", "onds", "loss", "tude", "mel", "iary", "ments", "dB"]
    assert len(rows) == 2 * len(member_names())
    numbers = ["1515", "12.651", "0.110", "0.378", "2.839", "0.201", "7.04"]
    assert rows[-1].split()[1:] == ["10000/10000", *numbers]


def test_rows_of_the_family_at_a_hundred_and_twenty_columns_have_each_distance() -> None:
    header, *rows = shown(120, member_names())
    assert max(map(len, [header, *rows])) <= 120
    assert header.endswith("magnitude    mel auxiliary moments log-spectral distance, dB")
    assert len(rows) == 2 * len(member_names())
    assert rows[0].split()[-4:] == ["6.02", "5.31", "5.20", "11.65"]


def test_rows_of_one_member_do_not_name_it() -> None:
    _, second, *rows = shown(80, ["controlled-mvq-none-time-3kbps"])
    assert second.split()[0] == "step"
    assert [row.split()[0] for row in rows] == ["200/10000", "10000/10000"]


def test_rows_without_sample_utterances_have_no_distance() -> None:
    header, row, _ = shown(120, ["tiny"], distances={})
    assert "distance" not in header
    assert row.split()[-1] == "0.201"


@pytest.mark.parametrize(("terminal", "headers"), [(True, 4), (False, 1)])
def test_header_comes_again_on_a_terminal_alone_before_it_has_scrolled_away(terminal: bool, headers: int) -> None:
    said = shown(120, member_names(), terminal=terminal, height=10)
    assert sum("auxiliary" in text for text in said) == headers


def test_short_names_leave_out_the_words_all_begin_with_and_nothing_more() -> None:
    assert list(short_names(["controlled-mvq-time", "controlled-mvq-time-3kbps"]).values()) == ["time", "time-3kbps"]
    assert list(short_names(["controlled-mvq", "controls-mvq"]).values()) == ["controlled-mvq", "controls-mvq"]
    assert list(short_names(["controlled-mvq"]).values()) == ["controlled-mvq"]
