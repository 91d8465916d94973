"""Tests of `codecgrid run` and `retry` on a real Ray, MLflow and store: around failed cells, to the end, once more."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cluster.tracking.client import connect, tracking_uri
from grid.cells.job import HISTORY, WEIGHTS, CellJob
from grid.cells.status import cell_states
from grid.core.record import RECORD
from grid.core.store import Store
from grid.experiment.grid import load_experiment
from tests.support.command_line import Ended, codecgrid
from tests.support.tiny_grid import Tiny, tiny

pytestmark = [pytest.mark.ray, pytest.mark.slow]

DONE = {"done": 3, "failed": 0, "running": 0, "todo": 0, "failures": []}


@dataclass(frozen=True)
class After:
    """How a run ended, when each output of the cells was written, and MLflow's run of each cell."""

    ended: Ended
    written: dict[str, int]
    runs: dict[str, Any]


@dataclass(frozen=True)
class Story:
    """Three cells of one codec, two of which fail in the first run.

    A folder is in the place of `broken`'s weights (data), and the folder of `unreachable`'s scores is a link to itself
    (infrastructure). Both are put right after it; `retried` is `retry --kind infrastructure`, `second` and `third` are
    further runs.
    """

    made: Tiny
    broken: CellJob
    unreachable: CellJob
    log: str
    first: After
    why: str
    retried: After
    second: After
    third: After

    @property
    def where(self) -> tuple[object, ...]:
        return (self.made.config, "--root", self.made.store.root)

    def report(self, source: str) -> dict[str, bytes]:
        """Every file of the report made from `source`, without the command that is told at its end."""
        folder = Path(self.made.store.uri(f"from-{source}"))
        assert codecgrid("report", *self.where, "--from", source, "--out", folder).status == 0
        own = f"--from {source} --out {folder}".encode()
        paths = [path for path in folder.rglob("*") if path.is_file()]
        return {str(path.relative_to(folder)): path.read_bytes().replace(own, b"") for path in paths}


@pytest.fixture(scope="module")
def story(ray_local: None, tmp_path_factory: pytest.TempPathFactory) -> Story:
    made = tiny(tmp_path_factory.mktemp("story"), grid={"selections": ["gsm-06.10"]})
    made.corpus()
    broken, unreachable = made.grid.cells[:2]
    in_the_way = Path(made.store.uri(f"{broken.folder}/{WEIGHTS}/folder"))
    in_the_way.mkdir(parents=True)
    scores = Path(made.store.uri(f"{unreachable.folder}/scores"))
    scores.parent.mkdir(parents=True)
    scores.symlink_to(scores)
    first = run(made)
    log = Path(first.ended.json["failures"][0]["log"]).read_text()
    shutil.rmtree(in_the_way.parent)
    scores.unlink()
    where = (made.config, "--root", made.store.root, "--kind", "infrastructure")
    why = codecgrid("retry", *where, "--why").out
    retried = after(made, codecgrid("retry", *where))
    return Story(made, broken, unreachable, log, first, why, retried, run(made), run(made))


def run(made: Tiny) -> After:
    return after(made, codecgrid("run", made.config, "--root", made.store.root, "--json"))


def after(made: Tiny, ended: Ended) -> After:
    names = (WEIGHTS, RECORD, HISTORY)
    paths = [Path(made.store.uri(f"{job.folder}/{name}")) for job in made.grid.cells for name in names]
    return After(ended, {str(path): path.stat().st_mtime_ns for path in paths if path.is_file()}, mlflow_runs(made))


def mlflow_runs(made: Tiny) -> dict[str, Any]:
    """MLflow's run of each cell, by the cell's id; each there once."""
    experiment, _ = load_experiment(made.config)
    client = connect(tracking_uri(experiment, made.store))
    found = client.search_runs([client.get_experiment_by_name("tiny").experiment_id])
    cells = [run for run in found if run.data.tags["codecgrid.kind"] == "cell"]
    by_id = {run.data.tags["cell_id"]: run for run in cells}
    assert len(by_id) == len(cells)
    return by_id


def test_run_around_failed_cells_ends_with_three_and_brings_the_others_to_their_end(story: Story) -> None:
    ended = story.first.ended
    assert ended.status == 3
    failure, unreachable = ended.json["failures"]
    assert ended.json == {**DONE, "done": 1, "failed": 2, "failures": [failure, unreachable]}
    assert (failure["cell_id"], failure["kind"]) == (story.broken.cell_id, "data")
    assert (unreachable["cell_id"], unreachable["kind"]) == (story.unreachable.cell_id, "infrastructure")
    assert failure["error"].startswith("IsADirectoryError: ")
    assert WEIGHTS in failure["error"]
    assert "Traceback" in story.log
    assert f"{failure['error']} {failure['log']}\n" in ended.err
    assert Path(story.made.store.uri("reports/tiny/index.html")).is_file()


def test_retry_of_one_kind_runs_these_cells_alone_and_leaves_the_others_failed(story: Story) -> None:
    chosen, other = story.unreachable.cell_id, story.broken.cell_id
    assert (chosen in story.why, other in story.why) == (True, False)
    assert "1 failed, infrastructure: " in story.why
    said = story.retried.ended.err
    assert story.retried.ended.status == 0
    assert said.startswith(f"again: {chosen} tiny gsm-06.10 bonafide seed 0: OSError: ")
    assert "1 cells: 1 done; report: " in said
    assert other not in said
    # the training was whole, so that only its scores were missing
    trained = {path: time for path, time in story.first.written.items() if other not in path}
    assert {path: time for path, time in story.retried.written.items() if other not in path} == trained
    assert story.retried.runs[other].info.status == "FAILED"
    assert story.retried.runs[chosen].info.status == "FINISHED"


def test_run_after_mending_trains_only_the_cell_that_failed(story: Story) -> None:
    assert (story.second.ended.status, story.second.ended.json) == (0, DONE)
    assert [line for line in story.second.ended.err.splitlines() if line.startswith("  1/1 ")]
    before = {path: time for path, time in story.first.written.items() if story.broken.cell_id not in path}
    later = {path: time for path, time in story.second.written.items() if story.broken.cell_id not in path}
    assert later == before
    assert len(before) == 6
    assert {state.status for state in cell_states(story.made.store, story.made.grid.cells)} == {"done"}


def test_run_of_a_finished_grid_trains_nothing(story: Story) -> None:
    assert (story.third.ended.status, story.third.ended.json) == (0, DONE)
    assert "training" not in story.third.ended.err
    assert story.third.written == story.second.written
    assert len(story.third.written) == 9


def test_run_leaves_one_mlflow_run_for_each_cell_failed_and_then_finished(story: Story) -> None:
    failed = {job.cell_id: "FAILED" for job in (story.broken, story.unreachable)}
    expected = {job.cell_id: "FINISHED" for job in story.made.grid.cells}
    assert {name: run.info.status for name, run in story.first.runs.items()} == expected | failed
    assert {name: run.info.status for name, run in story.second.runs.items()} == expected
    ids = [{name: run.info.run_id for name, run in after.runs.items()} for after in (story.first, story.third)]
    assert ids[0] == ids[1]


def test_plan_and_status_of_a_finished_grid_leave_nothing_to_do(story: Story) -> None:
    cells = codecgrid("plan", *story.where, "--json").json["cells"]
    assert [(cell["action"], cell["reason"]) for cell in cells] == [("skip", "done")] * 3
    assert codecgrid("status", *story.where).out.splitlines()[0] == "3 done, 0 failed, 0 running, 0 todo"
    assert codecgrid("status", *story.where, "--json").json == DONE


def test_report_from_mlflow_and_from_the_store_are_the_same_files(story: Story) -> None:
    from_store = story.report("store")
    assert len(from_store) > 3
    assert story.report("mlflow") == from_store


def test_sync_of_a_lost_database_writes_every_cell_again(story: Story, tmp_path: Path) -> None:
    assert codecgrid("sync", *story.where).out == "0 created, 0 updated, 3 unchanged\n"
    shutil.copytree(story.made.store.root, tmp_path / "copy", ignore=shutil.ignore_patterns("mlflow.db"))
    lost = Tiny(story.made.config, Store.open(tmp_path / "copy"))
    assert codecgrid("sync", lost.config, "--root", lost.store.root).out == "3 created, 0 updated, 0 unchanged\n"
    assert {run.info.status for run in mlflow_runs(lost).values()} == {"FINISHED"}
