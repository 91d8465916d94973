"""CodecFake+'s Figure 5 (predicted MOS), Figure 8 (residual spectrograms) and Table VIII (their similarity)."""

from __future__ import annotations

import dataclasses
import math
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from grid.analysis.artefacts import ArtefactPair, ArtefactResults
from grid.analysis.mos import MosResults, SystemMos
from grid.analysis.results import GridResults
from grid.codecs.catalogue import load_catalogue
from grid.corpus.cosg_systems import cosg_systems
from grid.report.figures.style import DOTS_PER_INCH, PAPER_WIDTH
from grid.report.page import Figure
from grid.report.papers import paper_parts
from grid.report.papers.codecfake_plus_figure_8 import median_pair, pair_rows
from grid.report.papers.codecfake_plus_table_8 import paper_groups
from grid.report.papers.shared.codecfake_plus import words
from grid.report.papers.shared.published import PredictedMos, Similarity, published
from grid.report.table import Cell, Table

CODECS = [entry.name for entry in load_catalogue() if entry.letters.codecfake_plus]
NOT_OF_THE_PAPER = "mu-law"


def speech(system: str, mean: float, count: int = 40) -> SystemMos:
    return SystemMos(system, count, mean, mean - 0.3, mean + 0.05, mean + 0.3, 0.5)


def rated() -> GridResults:
    """MOS of the 31 codecs and another, in no order, and of two generators of the paper and another."""
    draw = np.random.default_rng(0)
    names = [NOT_OF_THE_PAPER, *draw.permutation(CODECS)]
    codecs = (speech("", 4.1), *(speech(str(name), float(draw.uniform(2, 4))) for name in names))
    systems = (speech("", 3.8), speech("own-tts", 4.4), speech("maskgct", 4.0, 576), speech("valle", 3.5, 7))
    recordings = (speech("valle", 3.9), speech("maskgct", 3.7))
    return GridResults("g", (), mos=MosResults(3.5, systems, codecs, recordings), corpora=("cors", "cosg"))


def tables(name: str, results: GridResults) -> list[Table]:
    return [part for part in paper_parts(name, results) if isinstance(part, Table)]


def figure(name: str, results: GridResults) -> Figure:
    (found,) = [part for part in paper_parts(name, results) if isinstance(part, Figure)]
    return found


def column(table: Table, name: str) -> list[Cell]:
    place = [column.name for column in table.columns].index(name)
    return [row[place] for row in table.rows]


def test_figure_5_has_recordings_and_31_codecs_in_the_papers_order_beside_its_figures() -> None:
    results = rated()
    cors, _ = tables("codecfake-plus-figure-5", results)
    shown = [entry.text for entry in column(cors, "speech")]
    assert shown[0] == "bona fide"
    assert [name.split()[0] for name in shown[1:-1]] == list(words().codecs)
    assert shown[-1] == NOT_OF_THE_PAPER
    assert "S BigCodec" in shown
    assert [entry.values[0] for entry in column(cors, "our name")][-1] == NOT_OF_THE_PAPER
    stated = {
        name: entry.values[1]
        for name, entry in zip(shown, column(cors, "mean"), strict=True)
        if not math.isnan(float(entry.values[1]))
    }
    paper = {row.speech: row.utmos for row in published("codecfake-plus-figure-5", PredictedMos)}
    assert {name.split(" ", 1)[1] if name[1] == " " else name: value for name, value in stated.items()} == paper
    bona_fide = column(cors, "mean")[0]
    assert (bona_fide.full, bona_fide.values) == ("4.100 (4.027, +0.073)", (4.1, 4.027, pytest.approx(0.073)))
    assert "Corpora of ours: cors, cosg" in cors.caption
    assert any("Not in print" in note.text for note in cors.notes)


def test_figure_5_has_generators_in_the_order_of_table_4_beside_their_own_recordings() -> None:
    _, cosg = tables("codecfake-plus-figure-5", rated())
    assert [entry.text for entry in column(cosg, "generator")] == ["VALL-E", "MaskGCT-E2", "own-tts"]
    assert [entry.text for entry in column(cosg, "mean of its recordings")] == ["3.90", "3.70", "-"]
    assert [entry.text for entry in column(cosg, "difference")] == ["-0.40", "+0.30", "-"]
    assert [entry.mark for entry in column(cosg, "utterances")] == ["a", "", ""]
    assert set(cosg_systems()) > {"valle", "maskgct"}


def test_figure_5_without_predictions_says_how_to_get_them() -> None:
    cors, cosg = paper_parts("codecfake-plus-figure-5", GridResults("g", ()))
    for table, what in ((cors, "no CoRS"), (cosg, "no generator")):
        assert isinstance(table, Table)
        assert table.rows == ()
        (note,) = table.notes
        assert f"Nothing to show: {what}" in note.text
        assert "codecgrid mos CORPUS --predictor utmos" in note.text


@pytest.mark.parametrize("part", ["systems", "codecs"])
def test_figure_5_of_one_panel_is_drawn(part: str, tmp_path: Path) -> None:
    mos = rated().mos
    assert mos is not None
    alone = dataclasses.replace(mos, **{part: (speech("", 4.0),)})
    drawn = figure("codecfake-plus-figure-5", GridResults("g", (), mos=alone)).draw(tmp_path / "a.png")
    assert imread(drawn).shape[1] <= (PAPER_WIDTH / 2 + 0.1) * DOTS_PER_INCH


def artefacts(*names: str) -> GridResults:
    """Made-up similarities of all pairs of some codecs, and residuals of noise."""
    draw = np.random.default_rng(1)
    pairs = tuple(ArtefactPair(a, b, *map(float, draw.uniform(0.1, 0.9, 4))) for a, b in combinations(names, 2))
    residuals = {name: draw.normal(0, 9, (257, 60)).astype(np.float32) for name in names}
    return GridResults("g", (), artefacts=ArtefactResults(100, names, pairs, "p225_001", residuals, ("cors",)))


def test_table_8_has_the_papers_five_groups_beside_its_figures() -> None:
    (table,) = tables("codecfake-plus-table-8", artefacts(*CODECS))
    rows = published("codecfake-plus-table-8", Similarity)
    assert [row[0].text for row in table.rows] == [row.group for row in rows]
    assert [row[1].values for row in table.rows] == [(9,), (46,), (35,), (103,), (60,)]
    for row, paper in zip(table.rows, rows, strict=True):
        for entry, stated in zip(row[2:], (paper.mean_ssim, paper.mean_correlation), strict=True):
            ours, error, beside, less = map(float, entry.values)
            assert beside == stated
            assert less == pytest.approx(ours - stated)
            assert error > 0
    assert "100 utterances of cors, 31 codecs" in table.caption
    assert table.notes == ()


def test_table_8_names_the_groups_that_have_no_pair() -> None:
    (table,) = tables("codecfake-plus-table-8", artefacts("snac-24khz", "snac-44khz", "bigcodec"))
    assert [row[0].text for row in table.rows] == [
        "Intra-Family Taxonomy Consistency",
        "Quantization-Specific Discrepancy",
    ]
    assert "Inter-Family Taxonomy Consistency, Auxiliary-Specific Discrepancy, Decoder" in table.notes[0].text


def test_figure_8_shows_the_pair_with_the_median_ssim_of_each_group() -> None:
    results = artefacts(*CODECS)
    assert results.artefacts is not None
    groups = paper_groups(results.artefacts)
    rows = pair_rows(results.artefacts)
    assert len(rows) == 5
    for group, row in zip(groups, rows, strict=True):
        similarities = sorted(results.artefacts.pair(*names).ssim for names in group.pairs)
        pair = median_pair(results.artefacts, group)
        assert pair.ssim == similarities[(len(similarities) - 1) // 2]
        assert row.codecs == (pair.codec_a, pair.codec_b)
        assert f"SSIM {pair.ssim:.2f}" in row.title
        assert f"(here {pair.example_ssim:.2f}, {pair.example_pearson:.2f})" in row.title
        assert row.residuals[1] is results.artefacts.residuals[pair.codec_b]
    caption = figure("codecfake-plus-figure-8", results).caption
    assert "the same utterance (p225_001)" in caption
    assert "the median SSIM" in caption


@pytest.mark.slow
def test_figure_8_fits_the_page_and_is_the_same_each_time(tmp_path: Path) -> None:
    results = artefacts("snac-24khz", "snac-44khz", "bigcodec", "language-codec")
    first = figure("codecfake-plus-figure-8", results).draw(tmp_path / "a.png")
    again = figure("codecfake-plus-figure-8", results).draw(tmp_path / "b.png")
    assert first.read_bytes() == again.read_bytes()
    assert imread(first).shape[1] <= (PAPER_WIDTH + 0.1) * DOTS_PER_INCH


@pytest.mark.parametrize("name", ["codecfake-plus-table-8", "codecfake-plus-figure-8"])
def test_artefacts_that_were_not_compared_name_the_command(name: str) -> None:
    (table,) = paper_parts(name, GridResults("g", ()))
    assert isinstance(table, Table)
    assert table.rows == ()
    assert "artefacts: {utterances: 100}` in its file and run `codecgrid artefacts CONFIG`" in table.notes[0].text


def test_figure_8_of_codecs_in_no_group_says_so() -> None:
    (table,) = paper_parts("codecfake-plus-figure-8", artefacts("opus-6kbps", "mu-law"))
    assert isinstance(table, Table)
    assert "no two of the codecs compared are in a group" in table.notes[0].text
