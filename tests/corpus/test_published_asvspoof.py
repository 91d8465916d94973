"""Published counts of ASVspoof and CDD: the right set for each import, and sums equal to those of the protocols."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from grid.corpus.published_counts import published_counts


# the sums of utterances are the lines of the protocols: ASVspoof 2019 LA, ASVspoof 2021 (phase eval), ASVspoof 5
@pytest.mark.parametrize(
    ("reader", "options", "lines"),
    [
        ("asvspoof2019", {}, {"train": 25_380, "dev": 24_844, "test": 71_237}),
        ("asvspoof2021", {"track": "LA"}, {None: 148_176}),
        ("asvspoof2021", {"track": "DF"}, {None: 533_928}),
        ("asvspoof5", {}, {"train": 182_357, "dev": 140_950, "test": 680_774}),
        ("cdd", {}, {"train": 28_800, "dev": 9_480, "test": 11_993}),
    ],
)
def test_published_counts_add_up_to_the_lines_of_the_protocols(
    tmp_path: Path, reader: str, options: dict[str, Any], lines: dict[str | None, int]
) -> None:
    (tmp_path / "ASVspoof5.train.tsv").touch()
    (published,) = published_counts(reader, tmp_path, options)
    sums: dict[str | None, int] = {}
    for count in published.counts:
        if count.attack:  # part of what a line without one counts
            continue
        sums[count.split] = sums.get(count.split, 0) + (count.utterances or 0)
    assert sums == lines


def test_published_counts_of_the_challenge_phase_and_of_other_phases_are_not_known(tmp_path: Path) -> None:
    (tmp_path / "ASVspoof5.train.metainfor.txt").touch()
    assert published_counts("asvspoof5", tmp_path, {}) == []
    assert published_counts("asvspoof2021", tmp_path, {"track": "LA", "phase": "progress"}) == []
