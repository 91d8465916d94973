"""Tests of cluster.tracking.grid_run: the table of EERs, the list of cells, and the report among the artifacts."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from cluster.tracking.client import LoggedRun
from cluster.tracking.grid_run import PIVOT, PLAN, GridProgress, desired_grid_run, eer_table
from grid.core.store import Store
from tests.support.tracking_cells import made_up_cells, made_up_experiment

CELLS = made_up_cells()
EXPERIMENT = made_up_experiment(evaluations={"All": {"bonafide": "raw", "spoof": "cosg"}})


def logged(number: int, eer: float) -> LoggedRun:
    return LoggedRun(f"run{number}", "FINISHED", 0, "", {}, {}, {"eer_percent/All": eer, "scores/All/cllr": 1.0})


def progress(*eers: float) -> GridProgress:
    runs = {job.cell_id: logged(i, eer) for i, (job, eer) in enumerate(zip(CELLS, eers, strict=False))}
    return GridProgress(CELLS, dict.fromkeys(runs, "done"), runs)


def test_eer_table_is_codec_by_policy_with_gaps_where_no_cell_is_done() -> None:
    assert eer_table(EXPERIMENT, progress(12.5, 25.0, 50.0)) == {
        "columns": ["evaluation", "detector", "codec", "bonafide", "spoof"],
        "data": [
            ["All", "aasist-l", "encodec-24khz-6kbps", 12.5, 25.0],
            ["All", "aasist-l", "mimi-8cb", 50.0, None],
            ["All", "aasist-l", "both", None, None],
        ],
    }


def test_eer_table_has_the_mean_over_seeds() -> None:
    again = CELLS[0].model_copy(update={"cell_id": "f" * 16, "seed": 1})
    runs = {CELLS[0].cell_id: logged(0, 10.0), again.cell_id: logged(1, 20.0)}
    table = eer_table(EXPERIMENT, GridProgress((CELLS[0], again), {}, runs))
    assert table["data"] == [["All", "aasist-l", "encodec-24khz-6kbps", 15.0]]


def test_files_of_a_grid_change_their_mark_with_what_they_hold(tmp_path: Path) -> None:
    store, out = Store.open(tmp_path / "root"), tmp_path / "out"
    out.mkdir()

    def mark(done: GridProgress) -> str:
        desired = desired_grid_run(store, EXPERIMENT, done, live=False, source="", commit="")
        assert desired.files is not None
        desired.files.write(out)
        return desired.files.mark

    first = mark(progress(12.5))
    assert not (out / "report").exists()
    assert mark(progress(12.5)) == first
    store.write_bytes(f"reports/{EXPERIMENT.name}/index.html", b"<html>")
    assert len({first, mark(progress(12.5)), mark(progress(13.0))}) == 3
    assert (out / "report" / "index.html").read_bytes() == b"<html>"
    assert json.loads((out / PIVOT).read_text())["data"][0][-2:] == [13.0, None]
    assert json.loads((out / "experiment.json").read_text())["name"] == "made-up"
    rows = list(csv.DictReader((out / PLAN).read_text().splitlines()))
    assert [(row["cell"], row["status"], row["run"]) for row in rows[:2]] == [
        (CELLS[0].cell_id, "done", "run0"),
        (CELLS[1].cell_id, "missing", ""),
    ]
