"""Tests of the whole report: the files it writes, equal bytes for equal results, and what its pictures look like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from grid.report.assemble import assemble
from grid.report.data import GridResults
from grid.report.figures import PAPER_WIDTH
from grid.report.heat_map import draw_heat_map
from grid.report.matrix import cross_codec_matrix
from tests.report.made_up import CODECS, cell, full_grid

SMALL = GridResults(
    "small",
    (
        cell("none", "none", "lwbn", codecs=(), T_CoRS__pooled=0.3, T_CoRS__mimi=0.3),
        cell("mimi", "spoof", "lwbn", T_CoRS__pooled=0.1, T_CoRS__mimi=0.01, T_CoRS__bigcodec=0.2),
        cell("bigcodec", "spoof", "lwbn", status="failed", error="disk full"),
    ),
    CODECS,
)


def test_assemble_equal_results_give_equal_bytes(tmp_path: Path) -> None:
    first, second = assemble(SMALL, tmp_path / "a"), assemble(SMALL, tmp_path / "b")
    assert [path.name for path in first] == [path.name for path in second]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_assemble_writes_every_table_in_every_format_and_one_page(tmp_path: Path) -> None:
    names = {path.name for path in assemble(SMALL, tmp_path / "report")}
    tables = ["policies", "cells", "cross-codec-t-cors-spoof-lwbn"]
    tables += [
        f"taxonomy-{axis}-t-cors-spoof-lwbn{end}" for axis in ("qua", "aux", "dec") for end in ("", "-other-codecs")
    ]
    expected = {f"{table}.{suffix}" for table in tables for suffix in ("md", "csv", "tex")}
    expected |= {"policies.png", "cross-codec-t-cors-spoof-lwbn.png", "index.md", "index.html"}
    assert names == expected
    assert {path.name for path in (tmp_path / "report").iterdir()} == expected


def test_assemble_page_holds_all_tables_and_the_failure(tmp_path: Path) -> None:
    assemble(SMALL, tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    for name in ("policies", "cells", "cross-codec-t-cors-spoof-lwbn", "figure-policies"):
        assert f'id="{name}"' in page
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


def test_assemble_every_state_of_the_full_grid_reaches_the_index(tmp_path: Path) -> None:
    assemble(full_grid(), tmp_path)
    index = (tmp_path / "index.md").read_text(encoding="utf-8")
    for word in ("failed", "missing", "running", "disk full"):
        assert word in index


def test_heat_map_fits_the_paper_and_hatches_failed_rows(tmp_path: Path) -> None:
    from matplotlib.image import imread

    matrix = cross_codec_matrix(SMALL, evaluation="T-CoRS", detector="lwbn")
    picture = imread(draw_heat_map(matrix, tmp_path / "map.png"))
    assert picture.shape[1] <= 200 * PAPER_WIDTH
    # the hatching is drawn in two greys; the colour map has no such light grey
    assert np.any(np.all(np.isclose(picture[..., :3], 230 / 255, atol=0.01), axis=-1))
