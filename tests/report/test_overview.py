"""The tables for a terminal: their content, and that they fit 80 columns."""

from __future__ import annotations

import io

from rich.console import Console

from grid.analysis.results import CodecFacts, GridResults
from grid.report.overview import overview, policy_overview
from grid.report.writers.terminal import to_rich
from tests.support.made_up_results import CODECS, cell, full_grid


def lines(console: Console) -> list[str]:
    return [line.rstrip() for line in console.export_text().splitlines() if line.strip()]


def test_policy_overview_of_four_evaluations_fits_80_columns_whole() -> None:
    names = ("lyra-v2-3.2kbps", "encodec-24khz-3k")
    eers = {"T_CoSG__pooled": 0.275, "T_CoRS__pooled": 0.4688, "All__pooled": 0.4875, "CoRS_spoof__pooled": 0.5}
    cells = tuple(
        cell(name, policy, "lfcc-lcnn-small", **eers) for name in names for policy in ("none", "bonafide", "spoof")
    )
    results = GridResults("g", cells, {name: CodecFacts(name) for name in names})
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(to_rich(policy_overview(results, "lfcc-lcnn-small")))
    shown = lines(console)
    assert shown[0] == "Labelling policies: lfcc-lcnn-small"
    assert shown[1].split() == ["selection", "policy", "T-CoSG", "T-CoRS", "All", "CoRS-spoof"]
    assert shown[3].split() == ["lyra-v2-3.2kbps", "none", "27.5", "46.9", "48.8", "50.0"]
    assert shown[4].split() == ["bonafide", "27.5", "+0.0", "46.9", "+0.0", "48.8", "+0.0", "50.0", "+0.0"]
    assert len(shown) == 3 + 6 + 1


def test_overview_states_are_words_and_each_detector_has_its_tables() -> None:
    tables = overview(full_grid(), "T-CoRS")
    assert [table.title.partition(":")[0] for table in tables] == [
        *["Labelling policies"] * 2,
        *["Cross-codec EER", "Taxonomy QUA"] * 2,
    ]
    failed = [row for row in tables[1].rows if [entry.text for entry in row[2:]] == ["failed", "failed"]]
    assert [row[1].text for row in failed] == ["spoof"]


def test_overview_without_conditions_per_codec_is_the_policies_only() -> None:
    tables = overview(GridResults("g", (cell("mimi", "spoof", "lwbn", T_CoSG__pooled=0.2),), CODECS), None)
    assert [table.title for table in tables] == ["Labelling policies: lwbn"]
