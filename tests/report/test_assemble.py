"""The whole report: the files written, equal bytes for equal results, faults, and the content of its figures."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path

import numpy as np
import pytest

from grid.analysis.results import GridResults
from grid.core.errors import RequestError
from grid.report.about import About
from grid.report.assemble import assemble
from grid.report.contents import outline, policy_parts
from grid.report.faults import Fault
from grid.report.figures.cross_codec import draw_heat_map
from grid.report.figures.policies import draw_policy_figure, figure_strips, read_panel
from grid.report.figures.style import PAPER_WIDTH
from grid.report.page import Figure
from grid.report.tables.cross_codec import cross_codec_matrix
from grid.report.tables.own_codec import own_codec_table
from grid.report.tables.policies import policy_table
from tests.support.made_up_results import CODECS, cell, full_grid

SMALL = GridResults(
    "small",
    (
        cell("none", "none", "lwbn", codecs=(), T_CoRS__pooled=0.3, T_CoRS__mimi=0.3),
        cell("mimi", "spoof", "lwbn", T_CoRS__pooled=0.1, T_CoRS__mimi=0.01, T_CoRS__bigcodec=0.2),
        cell("bigcodec", "spoof", "lwbn", status="failed", error="disk full"),
    ),
    CODECS,
)


@pytest.mark.slow
def test_assemble_equal_results_give_equal_bytes(tmp_path: Path) -> None:
    first, second = assemble(SMALL, tmp_path / "a"), assemble(SMALL, tmp_path / "b")
    assert [path.name for path in first] == [path.name for path in second]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_assemble_writes_every_table_in_every_format_and_one_page(tmp_path: Path) -> None:
    names = {path.relative_to(tmp_path).as_posix() for path in assemble(SMALL, tmp_path)}
    taxonomy = [f"taxonomy-{axis}-t-cors-spoof-lwbn" for axis in ("qua", "aux", "dec")]
    tables = ["policies", "own-codec", "cells", "cross-codec-t-cors-spoof-lwbn", *taxonomy]
    tables += [f"more/{name}-other-codecs" for name in taxonomy]
    expected = {f"{table}.{suffix}" for table in tables for suffix in ("md", "csv", "tex")}
    expected |= {"policies.png", "own-codec.png", "cross-codec-t-cors-spoof-lwbn.png", "index.md", "index.html"}
    assert names == expected
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")} == expected


@pytest.mark.slow
def test_assemble_page_holds_all_tables_and_the_failure(tmp_path: Path) -> None:
    assemble(SMALL, tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    for name in ("policies", "cells", "cross-codec-t-cors-spoof-lwbn", "figure-policies"):
        assert f'id="{name}"' in page
    for name in ("policies", "cells", "figure-cross-codec-t-cors-spoof-lwbn", "figure-policies"):
        assert f'href="#{name}"' in page
    assert "disk full" in page
    assert "2 of 3 cells done" in page


@pytest.mark.parametrize(
    "cells",
    [
        (),
        (cell("mimi", "spoof", "lwbn", status="missing"),),
        (cell("all", "spoof", "lwbn", codecs=("mimi", "bigcodec"), T_CoSG__pooled=0.2),),
    ],
    ids=["no cells", "nothing done", "no conditions per codec"],
)
def test_assemble_results_with_little_in_them_still_make_a_report(tmp_path: Path, cells: tuple[object, ...]) -> None:
    written = assemble(GridResults("g", cells, CODECS), tmp_path)  # type: ignore[arg-type]
    assert {"policies.md", "cells.csv", "index.html"} <= {path.name for path in written}


@pytest.mark.slow
def test_assemble_every_state_of_the_full_grid_reaches_the_index(tmp_path: Path) -> None:
    assemble(full_grid(), tmp_path)
    index = (tmp_path / "index.md").read_text(encoding="utf-8")
    for word in ("failed", "missing", "running", "disk full"):
        assert word in index


@pytest.mark.slow
def test_assemble_around_what_fails_writes_the_rest_and_tells_it(tmp_path: Path) -> None:
    (tmp_path / "policies.tex").mkdir()
    (tmp_path / "own-codec.png").mkdir()
    faults: list[Fault] = []
    written = assemble(SMALL, tmp_path, About(tables=("cdd-table-33",)), faults)
    parts = ["table cdd-table-33", "file policies.tex", "file own-codec.png"]
    assert [fault.part for fault in faults] == parts
    assert "did you mean 'cdd-table-3'?" in faults[0].error
    assert "IsADirectoryError" in faults[1].trace
    names = {path.name for path in written}
    assert {"policies.md", "policies.csv", "policies.png", "own-codec.tex", "index.md", "index.html"} <= names
    assert not {"policies.tex", "own-codec.png"} & names
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert all(f"{part} could not be made: " in page for part in parts)
    assert 'id="figure-own-codec"' not in page
    assert 'id="cells"' in page


def test_assemble_without_a_list_of_faults_raises_the_first(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="cdd-table-33"):
        assemble(SMALL, tmp_path, About(tables=("cdd-table-33",)))


def test_assemble_page_leads_with_the_evaluation_asked_for(tmp_path: Path) -> None:
    cells = (cell("mimi", "spoof", "lwbn", T_CoSG__mimi=0.2, T_CoRS__mimi=0.01),)
    results = GridResults("g", cells, CODECS)
    names = [part.name for part in outline(results, About(cross_testing="T-CoRS")).shown]
    assert names[1:3] == ["cross-codec-t-cors-spoof-lwbn"] * 2
    assert all("t-cosg" not in name for name in names)
    folds = [fold.title for fold in outline(results, About(cross_testing="T-CoRS")).folds]
    assert folds == ["T-CoRS, lwbn, policy spoof: training codec left out", "T-CoSG, lwbn, policy spoof"]


def test_assemble_pages_say_how_they_were_made_and_what_is_a_stand_in(tmp_path: Path) -> None:
    about = About(stand_ins=("The attacks are stand-ins.",), command="codecgrid run a_b.yaml", commit="0a1b2c")
    assemble(SMALL, tmp_path, about)
    for name in ("index.md", "index.html"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        for word in (
            "The attacks are stand-ins.",
            "codecgrid run a_b.yaml",
            "0a1b2c",
            "3: 2 done, 1 failed, 0 missing",
        ):
            assert word in text, (name, word)


def test_policy_figure_holds_every_interval_of_every_panel(tmp_path: Path) -> None:
    from matplotlib.image import imread

    low = cell("mimi", "spoof", "lwbn", T_CoSG__pooled=0.1, T_CoRS__pooled=0.1)
    high = cell("mimi", "spoof", "x-aasist", T_CoSG__pooled=0.1, T_CoRS__pooled=0.9)
    path = draw_policy_figure(policy_table(GridResults("g", (low, high), CODECS)), tmp_path / "a.png")
    picture = imread(path)[..., :3]
    blue = np.all(np.isclose(picture, [0, 0x72 / 255, 0xB2 / 255], atol=0.02), axis=-1)
    lower_right = blue[picture.shape[0] // 2 :, picture.shape[1] // 2 :]
    assert lower_right[:, : lower_right.shape[1] // 2].sum() == 0
    assert lower_right[:, lower_right.shape[1] // 2 :].sum() > 50


def test_policy_figure_baseline_without_codec_is_a_line_through_all_rows() -> None:
    panel = read_panel(policy_table(full_grid()), "lwbn", "T-CoSG")
    # half of 0.31, the same for both seeds
    assert [(line.eer, line.left) for line in panel.lines] == [(pytest.approx(15.5), pytest.approx(0))]
    assert list(panel.rows) == list(CODECS)
    assert panel.rows["mimi"]["spoof"].state == "failed"


def test_policy_figure_selections_outside_a_detectors_grid_have_no_row() -> None:
    cells = (
        cell("mimi", "spoof", "lwbn", T_CoRS__pooled=0.1),
        cell("bigcodec", "spoof", "x-aasist", T_CoRS__pooled=0.1),
    )
    assert list(read_panel(policy_table(GridResults("g", cells, CODECS)), "lwbn", "T-CoRS").rows) == ["mimi"]


def test_policy_figure_leaves_out_a_detector_that_the_table_has_nothing_of(tmp_path: Path) -> None:
    cells = (
        cell("none", "none", "published", codecs=(), T_CoRS__pooled=0.3, T_CoRS__mimi=0.3),
        cell("mimi", "spoof", "lwbn", T_CoRS__pooled=0.1, T_CoRS__mimi=0.01),
    )
    results = GridResults("g", cells, CODECS)
    assert [strip.detector for strip in figure_strips(policy_table(results))] == ["published", "lwbn"]
    assert [strip.detector for strip in figure_strips(own_codec_table(results))] == ["lwbn"]
    figures = [part for part in policy_parts(policy_table(results)) if isinstance(part, Figure)]
    assert "no label is compared" in figures[0].caption
    figures = [part for part in policy_parts(policy_table(full_grid())) if isinstance(part, Figure)]
    assert "Compare a filled mark" in figures[0].caption
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert draw_policy_figure(own_codec_table(results), tmp_path / "a.png").is_file()


def test_policy_figure_without_any_row_is_left_out() -> None:
    results = GridResults("g", (cell("none", "none", "lwbn", codecs=(), T_CoRS__mimi=0.3, T_CoRS__pooled=0.3),), CODECS)
    assert [part.name for part in policy_parts(policy_table(results))] == ["policies", "policies"]
    assert policy_parts(own_codec_table(results)) == []
    unmeasured = dataclasses.replace(results, cells=(cell("mimi", "spoof", "lwbn", status="missing"),))
    assert policy_parts(policy_table(unmeasured)) == [policy_table(unmeasured)]


def test_policy_figure_gives_a_row_of_one_evaluation_its_place_in_both() -> None:
    cells = (
        cell("mimi", "spoof", "lwbn", T_CoSG__pooled=0.1, T_CoRS__pooled=0.1, T_CoSG__mimi=0.1, T_CoRS__mimi=0.1),
        cell("bigcodec", "spoof", "lwbn", T_CoSG__pooled=0.1, T_CoRS__pooled=0.1, T_CoRS__bigcodec=0.2),
    )
    (strip,) = figure_strips(own_codec_table(GridResults("g", cells, CODECS)))
    assert strip.rows == ("mimi", "bigcodec", "mean over codecs")
    assert [list(panel.rows) for panel in strip.panels] == [["mimi", "bigcodec"], list(strip.rows)]


def test_heat_map_fits_the_paper_and_hatches_failed_rows(tmp_path: Path) -> None:
    from matplotlib.image import imread

    matrix = cross_codec_matrix(SMALL, evaluation="T-CoRS", detector="lwbn")
    picture = imread(draw_heat_map(matrix, tmp_path / "map.png"))
    assert picture.shape[1] <= 200 * PAPER_WIDTH
    # the hatching is drawn in two greys; the colour map has no such light grey
    assert np.any(np.all(np.isclose(picture[..., :3], 230 / 255, atol=0.01), axis=-1))
