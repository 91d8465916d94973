"""The parts of a report on artefacts, MOS and shortcuts: groups with their means, marks, pictures of paper size."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from grid.analysis.artefacts import ArtefactPair, ArtefactResults
from grid.analysis.mos import MosResults, mos_by_system
from grid.analysis.results import GridResults
from grid.analysis.shortcuts import Shortcut
from grid.metrics.separation import separation
from grid.metrics.shortcut_features import FEATURES
from grid.report.about import About
from grid.report.contents import mos_parts, outline
from grid.report.figures.artefacts import draw_residuals, draw_similarity
from grid.report.figures.style import DOTS_PER_INCH, PAPER_WIDTH
from grid.report.page import Figure
from grid.report.table import Table
from grid.report.tables.artefacts import artefact_table
from grid.report.tables.shortcuts import shortcut_table
from tests.support.made_up_results import CODECS, cell

NAMES = ("snac-24khz", "snac-44khz", "bigcodec", "funcodec-zh-en-general-16khz-nq32ds320", "opus-6kbps")
PAIRS = tuple(ArtefactPair(a, b, 0.1 + 0.1 * n, 0.05 * n - 0.1) for n, (a, b) in enumerate(combinations(NAMES, 2)))
RESIDUALS = {name: np.random.default_rng(n).normal(0, 9, (257, 90)).astype(np.float32) for n, name in enumerate(NAMES)}
ARTEFACTS = ArtefactResults(7, NAMES, PAIRS, "u1", RESIDUALS)
SHORTCUTS = tuple(
    Shortcut("T-CoSG", condition, feature, separation([3.0] * 30, [3.0] * (0 if leaks else 20) + [4.0] * 30))
    for condition, leaks in (("pooled", True), ("attack=x", False))
    for feature in FEATURES
)


def test_artefact_table_groups_follow_from_the_catalogue() -> None:
    table = artefact_table(ARTEFACTS)
    rows = {(row[0].text, row[1].text): row for row in table.rows}
    assert rows["intra-family", "all"][2].values == (1,)
    assert rows["intra-family", "all"][3].values[0] == pytest.approx(PAIRS[0].ssim)
    snac, wide, _, funcodec, _ = NAMES  # Mvq x None x Time, but for BigCodec, which is Svq
    inter = [ARTEFACTS.pair(snac, funcodec).pearson, ARTEFACTS.pair(wide, funcodec).pearson]
    assert rows["inter-family", "all"][2].values == (2,)
    mean, error = np.mean(inter), np.std(inter, ddof=1) / np.sqrt(2)
    assert rows["inter-family", "all"][4].values == pytest.approx((mean, error))
    assert rows["QUA discrepancy", "all"][2].values == (3,)
    assert "DEC discrepancy" not in {name for name, _ in rows}
    assert "opus-6kbps" in table.notes[0].text


@pytest.mark.slow
def test_artefact_figures_fit_the_page_and_are_the_same_each_time(tmp_path: Path) -> None:
    for draw in (draw_residuals, draw_similarity):
        first = draw(ARTEFACTS, tmp_path / "a.png").read_bytes()
        assert draw(ARTEFACTS, tmp_path / "a.png").read_bytes() == first
        assert imread(tmp_path / "a.png").shape[1] <= (PAPER_WIDTH + 0.1) * DOTS_PER_INCH


def test_shortcut_table_marks_leaks_and_keeps_conditions_apart() -> None:
    pooled, others = shortcut_table(SHORTCUTS), shortcut_table(SHORTCUTS, pooled=False)
    assert [row[1].text for row in pooled.rows] == ["pooled"]
    assert [row[1].text for row in others.rows] == ["attack=x"]
    entry = pooled.rows[0][3]
    assert entry.values == (0.0, 0.0, pytest.approx(0.136, abs=1e-3), 3.0, 4.0)
    assert "leaks" in {note.mark: note.text for note in pooled.notes}[entry.mark]
    # 20 of 50 spoofs tie with all bona fide: 28.6 %, which chance may have made of more
    tied = others.rows[0][3]
    assert tied.values[0] == pytest.approx(2 / 7)
    assert tied.mark == ""


def test_report_with_artefacts_and_shortcuts_shows_both() -> None:
    results = GridResults("g", (cell("mimi", "spoof", "lwbn"),), CODECS, artefacts=ARTEFACTS, shortcuts=SHORTCUTS)
    page = outline(results, About())
    assert [part.name for part in page.shown if part.name.startswith(("artefact", "shortcut"))] == [
        "artefact-similarity",
        "artefact-similarity",
        "artefact-residuals",
        "shortcuts",
    ]
    assert [fold.title for fold in page.folds] == ["Shortcuts, by condition"]


def test_mos_table_and_figure_hold_every_system(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    systems = [name for name in ("", "maskgct", "naturalspeech-3", "clamtts") for _ in range(30)] + ["ralle"] * 5
    rated = mos_by_system(systems, np.clip(generator.normal(3.6, 0.5, len(systems)), 1, 5), threshold=3.5)
    results = GridResults("g", (), mos=MosResults(3.5, rated))
    table, figure = mos_parts(results)
    assert isinstance(table, Table)
    assert isinstance(figure, Figure)
    assert table.rows[0][0].text == "bona fide"
    assert {row[0].text: row[1].mark for row in table.rows} == {
        "bona fide": "",
        "maskgct": "",
        "naturalspeech-3": "",
        "clamtts": "",
        "ralle": "a",
    }
    assert imread(figure.draw(tmp_path / "mos.png")).shape[1] <= (PAPER_WIDTH / 2 + 0.1) * DOTS_PER_INCH
