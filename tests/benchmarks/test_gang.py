"""The 18 cells of CDD as one gang, beside 18 trainings: encoder passes, time and memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.benchmarks import gang_steps
from tests.benchmarks.comparison import Comparison, Contest
from tests.benchmarks.fresh_process import run

ENCODER = os.environ.get("CODECGRID_BENCH_ENCODER", "base")
"""`base` (12 layers of 768) or `xls-r-300m` (24 of 1,024, as the paper's; half an hour on 2 cores)."""
SAMPLES = 32_000


@pytest.mark.timeout(3600)
def test_cdd_as_one_gang(contest: Contest, tmp_path: Path) -> None:
    places = [gang_steps.cdd_in_little(tmp_path / name, ENCODER, SAMPLES) for name in ("together", "separately")]
    ours = contest.once(lambda: run(gang_steps.together, places[0].store.root, places[0].config))
    theirs = run(gang_steps.separately, places[1].store.root, places[1].config)
    what, other = f"18 cells on a frozen encoder ({ENCODER})", "18 trainings"
    for unit, figure in (("encoder passes", "passes"), ("s", "seconds")):
        contest.add(Comparison(what, unit, ours.result[figure], other, theirs.result[figure]))
    contest.add(Comparison(what, "GB peak", ours.peak_gb, other, theirs.peak_gb))
    assert ours.result["passes"] < theirs.result["passes"]
