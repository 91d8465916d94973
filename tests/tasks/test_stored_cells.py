"""Tests of `codecgrid show`, `diff`, `logs`, `retry` and the failures in `status`: on cells made up in a real store."""

from __future__ import annotations

from pathlib import Path

import pytest

from grid.cells.job import CellJob
from grid.cells.measurements import keep_measurements
from grid.cells.status import record_failure
from grid.core.errors import LostProcessError
from grid.experiment.frozen import freeze
from grid.metrics.evaluation import Measurement
from tests.support.command_line import Ended, codecgrid
from tests.support.tiny_grid import Tiny, tiny
from tests.support.tracking_cells import write_done, write_epochs


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Seven cells: one is done and measured, one lost its process after an epoch, one had a full disk, four are new."""
    made = tiny(tmp_path_factory.mktemp("cells"))
    grid, store = made.rendered(), made.store
    freeze(store, grid)
    done, lost, full = grid.cells[:3]
    write_done(store, done)
    values = {"eer": 0.125, "eer_lower": 0.1, "eer_upper": 0.15, "min_dcf": 0.5, "n_bonafide": 8, "n_spoof": 8}
    measured = [Measurement("cors", condition, **values, **MEANS) for condition in ("pooled", "codec=mu-law")]
    keep_measurements(store, done, grid.experiment, measured)
    write_epochs(store, lost, 1)
    record_failure(store, lost, LostProcessError("its process ended 3 times"), "killed by SIGKILL")
    record_failure(store, full, ValueError("the loss is nan"), "Traceback (most recent call last): ...")
    return made


MEANS = {"bonafide_mean": 1.0, "spoof_mean": -1.0}


def called(command: str, made: Tiny, *arguments: object) -> Ended:
    return codecgrid(command, *arguments, "--root", made.store.root)


def cells(made: Tiny) -> tuple[CellJob, ...]:
    return made.grid.cells


def test_show_tells_what_a_cell_is_and_its_pooled_eers(made: Tiny) -> None:
    job = cells(made)[0]
    said = called("show", made, job.cell_id[:10]).out
    assert said.splitlines()[0] == job.cell_id
    assert f"detector   {job.detector}, seed 0" in said
    assert "12.50 [10.00, 15.00]" in said
    assert said.count("12.50") == 1
    document = called("show", made, job.cell_id, "--json").json
    assert (document["status"], document["identity"]) == ("done", job.identity)
    assert [each["condition"] for each in document["measurements"]] == ["pooled"]


def test_show_of_a_new_cell_has_no_measurements(made: Tiny) -> None:
    said = called("show", made, cells(made)[3].cell_id).out
    assert "status     missing" in said
    assert "not measured yet" in said


def test_diff_names_the_fields_that_make_two_cells_differ(made: Tiny) -> None:
    first = next(job for job in cells(made) if job.policy == "bonafide")
    second = next(job for job in cells(made) if job.policy == "spoof" and job.codecs == first.codecs)
    lines = called("diff", made, first.cell_id, second.cell_id, "--json").json["differences"]
    assert lines
    assert all("policy" in line or "target" in line for line in lines)
    assert "the same cell" in called("diff", made, first.cell_id, first.cell_id).out


def test_logs_has_the_traceback_and_the_epochs_of_a_failed_cell(made: Tiny) -> None:
    said = called("logs", made, cells(made)[1].cell_id).out
    assert said.startswith("epoch 1: loss ")
    assert "(infrastructure): LostProcessError: its process ended 3 times" in said
    assert "killed by SIGKILL" in said
    assert "no failure is recorded" in called("logs", made, cells(made)[0].cell_id).out


def test_status_groups_failures_by_kind_with_the_commands_for_more(made: Tiny) -> None:
    said = codecgrid("status", made.config, "--root", made.store.root).out
    lost, wrong = cells(made)[1:3]
    lines = said.splitlines()
    assert lines[0] == "1 done, 2 failed, 0 running, 4 todo"
    heads = {line.split(":")[0]: number for number, line in enumerate(lines) if line[:10] == "1 failed, "}
    assert list(heads) == ["1 failed, infrastructure", "1 failed, code"]
    assert any(lost.cell_id in line for line in lines[heads["1 failed, infrastructure"] : heads["1 failed, code"]])
    assert f"codecgrid logs {lost.cell_id} --root {made.store.root}" in said.replace("\n", "")
    assert f"codecgrid retry {made.config} --root {made.store.root}" in said.replace("\n", "")
    failures = codecgrid("status", made.config, "--root", made.store.root, "--json").json["failures"]
    assert {each["cell_id"]: each["kind"] for each in failures} == {
        lost.cell_id: "infrastructure",
        wrong.cell_id: "code",
    }


@pytest.mark.parametrize(
    ("cell", "said"), [("zz", "no cell 'zz' among the 7"), ("", "may be any of 7"), ("0" * 16, "no cell")]
)
def test_a_cell_that_is_not_there_or_not_the_only_one_is_refused(cell: str, said: str, made: Tiny) -> None:
    ended = called("show", made, cell)
    assert (ended.status, said in ended.err) == (2, True)


def test_retry_why_shows_the_chosen_failures_and_starts_nothing(made: Tiny) -> None:
    lost, wrong = cells(made)[1:3]
    said = codecgrid("retry", made.config, "--root", made.store.root, "--kind", "code", "--why")
    assert (said.status, wrong.cell_id in said.out, lost.cell_id in said.out) == (0, True, False)
    assert codecgrid("status", made.config, "--root", made.store.root).out.startswith("1 done, 2 failed")


def test_status_says_what_helps_against_a_full_memory(tmp_path: Path) -> None:
    made = tiny(tmp_path, grid={"selections": ["mu-law"], "policies": ["spoof"]})
    (job,) = made.rendered().cells
    record_failure(made.store, job, MemoryError("12 GB"), "")
    said = codecgrid("status", made.config, "--root", made.store.root).out
    assert "1 failed, infrastructure" in said
    assert "out of memory: give each cell more of the GPU" in said


def test_logs_follows_jobs_and_no_cells(made: Tiny) -> None:
    ended = called("logs", made, cells(made)[0].cell_id, "--follow")
    assert (ended.status, "--follow is for a job, whose name begins with grid-" in ended.err) == (2, True)


def test_retry_refuses_what_did_not_fail_and_names_what_exists(made: Tiny, tmp_path: Path) -> None:
    where = ("retry", made.config, "--root", made.store.root)
    not_failed = codecgrid(*where, cells(made)[0].cell_id)
    assert (not_failed.status, "did not fail: it is done" in not_failed.err) == (2, True)
    assert "unknown cell 'abc'" in codecgrid(*where, "abc").err
    assert "unknown kind of failure 'disk'" in codecgrid(*where, "--kind", "disk").err
    nothing = codecgrid(*where, "--kind", "request")
    assert (nothing.status, "no cell failed for a reason of the kind request" in nothing.err) == (0, True)
