"""Cells around one frozen encoder as one gang, beside as many trainings: encoder passes, time and memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmarks import gang_steps
from tests.benchmarks.comparison import Comparison, Contest
from tests.benchmarks.fresh_process import run
from tests.support.tiny_grid import Tiny

ENCODER = os.environ.get("CODECGRID_BENCH_ENCODER", "base")
"""`base` (12 layers of 768) or `xls-r-300m` (24 of 1,024, as the paper's; half an hour on 2 cores)."""
SAMPLES = 32_000


@pytest.mark.timeout(3600)
def test_cdd_as_one_gang(contest: Contest, tmp_path: Path) -> None:
    compare(contest, f"18 cells on a frozen encoder ({ENCODER})", tmp_path, cdd)


@pytest.mark.timeout(3600)
def test_heads_of_today_as_one_gang(contest: Contest, tmp_path: Path) -> None:
    compare(contest, "10 cells, five heads, on a frozen Whisper base", tmp_path, heads)


def cdd(folder: Path) -> Tiny:
    return gang_steps.cdd_in_little(folder, ENCODER, SAMPLES)


def heads(folder: Path) -> Tiny:
    return gang_steps.heads_in_little(folder, SAMPLES)


def compare(contest: Contest, what: str, folder: Path, make: Callable[[Path], Tiny]) -> None:
    """All cells as one gang, and then one after the other, from the same start in two fresh processes."""
    places = [make(folder / name) for name in ("together", "separately")]
    cells = len(places[0].grid.cells)
    ours = contest.once(lambda: run(gang_steps.together, places[0].store.root, places[0].config))
    theirs = run(gang_steps.separately, places[1].store.root, places[1].config)
    other = f"{cells} trainings"
    for unit, figure in (("encoder passes", "passes"), ("s", "seconds"), ("processor s", "processor_seconds")):
        contest.add(Comparison(what, unit, ours.result[figure], other, theirs.result[figure]))
    contest.add(Comparison(what, "GB peak", ours.peak_gb, other, theirs.peak_gb))
    assert ours.result["passes"] < theirs.result["passes"]
