"""The CDD experiment in little, through `codecgrid run`: one trial for all cells, its tables, and running again."""

from __future__ import annotations

import csv
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from grid.cells.job import WEIGHTS, CellJob
from grid.core.record import RECORD
from tests.support.command_line import Ended, codecgrid
from tests.support.tiny_encoder_grid import tiny_cdd
from tests.support.tiny_grid import Tiny

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@dataclass(frozen=True)
class Story:
    """Ten cells; a folder is in the place of one's weights in the first run, and gone before the second."""

    made: Tiny
    broken: CellJob
    first: Ended
    records: dict[str, bytes]
    second: Ended

    @property
    def where(self) -> tuple[object, ...]:
        return (self.made.config, "--root", self.made.store.root)


@pytest.fixture(scope="module")
def story(ray_local: None, tmp_path_factory: pytest.TempPathFactory) -> Story:
    made = tiny_cdd(tmp_path_factory.mktemp("cdd"), recipe={"epochs": 1})
    made.rendered()
    broken = made.grid.cells[4]
    in_the_way = Path(made.store.uri(f"{broken.folder}/{WEIGHTS}/folder"))
    in_the_way.mkdir(parents=True)
    first = codecgrid("run", made.config, "--root", made.store.root, "--json")
    records = written(made)
    shutil.rmtree(in_the_way.parent)
    return Story(made, broken, first, records, codecgrid("run", made.config, "--root", made.store.root, "--json"))


def written(made: Tiny) -> dict[str, bytes]:
    """The records of the cells that are trained."""
    names = {job.cell_id: f"{job.folder}/{RECORD}" for job in made.grid.cells}
    return {cell: made.store.read_bytes(name) for cell, name in names.items() if made.store.exists(name)}


def test_a_cell_that_fails_in_a_gang_leaves_the_nine_others_done(story: Story) -> None:
    assert story.first.status == 3
    assert (story.first.json["done"], story.first.json["failed"]) == (9, 1)
    (failure,) = story.first.json["failures"]
    assert failure["cell_id"] == story.broken.cell_id
    assert failure["error"].startswith("IsADirectoryError: ")
    assert len([line for line in story.first.err.splitlines() if line.startswith("  10/10 ")]) == 1


def test_running_again_trains_the_failed_cell_alone(story: Story) -> None:
    assert (story.second.status, story.second.json["done"]) == (0, 10)
    after = written(story.made)
    assert {cell: record for cell, record in after.items() if cell != story.broken.cell_id} == story.records
    plan = codecgrid("plan", *story.where, "--json").json
    assert {cell["action"] for cell in plan["cells"]} == {"skip"}
    assert plan["gangs"] == []


def test_the_tables_of_the_paper_from_mlflow_are_those_that_the_run_made_from_the_store(story: Story) -> None:
    folder = Path(story.made.store.uri("from-mlflow"))
    assert codecgrid("report", *story.where, "--from", "mlflow", "--out", folder).status == 0
    tables = {name: (folder / f"cdd-table-{name}.csv").read_text() for name in "345"}
    of_the_run = Path(story.made.store.uri("reports/tiny"))
    assert tables == {name: (of_the_run / f"cdd-table-{name}.csv").read_text() for name in "345"}
    rows = list(csv.DictReader(tables["3"].splitlines()))
    assert len(rows) == 10
    assert len([row for row in rows if row["label"] == "none"]) == 2
