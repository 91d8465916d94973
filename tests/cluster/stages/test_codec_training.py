"""Small codecs as Ray trials: as alone to the last bit, around a failure, a kill and a signal; and the command."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from cluster.stages.codec_training import train_codecs
from grid.codec_training.progress import HistoryLine
from grid.codec_training.stage import OnHistoryLine
from grid.codec_training.training import HISTORY, LOCK, WEIGHTS, TrainingJob, run_job, training_jobs
from grid.codecs.controlled.spec import CodecSpec, load_spec
from grid.config.experiment import CorpusSource
from grid.core.record import FAILURE
from grid.core.store import Store
from grid.corpus.imported import register_corpus
from tests.support.command_line import Ended, codecgrid
from tests.support.tiny_codecs import QUANTISERS, SIZE, TRAINING, corpus

MEMBERS = {"tiny-residual": "residual", "tiny-scalar": "scalar", "tiny-single": "single"}


@dataclass(frozen=True)
class Family:
    """Three members of six steps, whose state is saved after each, and speech for them."""

    folder: Path

    @property
    def configs(self) -> Path:
        return self.folder / "codecs"

    @property
    def protocol(self) -> Path:
        return self.folder / "speech" / "protocol.csv"

    def jobs(self, root: Path) -> list[TrainingJob]:
        store = Store.open(root)
        source = CorpusSource(name="speech", reader="csv", path=str(self.protocol))
        specs = [load_spec(name, self.configs) for name in MEMBERS]
        return training_jobs(specs, store, register_corpus(store, source, Path()), device="cpu", threads=1)

    def train(self, root: Path, *arguments: str) -> Ended:
        where = ("--configs", self.configs, "--corpus", self.protocol, "--root", root)
        return codecgrid("codecs", "train", "--all", *where, *arguments)


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    made = Family(tmp_path_factory.mktemp("family"))
    corpus(made.protocol.parent)
    (made.configs / "training").mkdir(parents=True)
    (made.configs / "training" / "short.yaml").write_text(yaml.safe_dump(TRAINING | {"save_every": 1}))
    for name, kind in MEMBERS.items():
        member = {"quantiser": QUANTISERS[kind], "decoder": {"kind": "time"}, "size": SIZE, "training": "short"}
        (made.configs / f"{name}.yaml").write_text(yaml.safe_dump(member))
    return made


@pytest.fixture(scope="module")
def alone(family: Family, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each member ends as when it trains alone, in this process."""
    jobs = family.jobs(tmp_path_factory.mktemp("alone"))
    assert [run_job(job) for job in jobs] == ["", "", ""]
    return outcome(jobs)


def outcome(jobs: list[TrainingJob]) -> dict[str, Any]:
    """The weights and the untimed history of each that is finished."""
    found: dict[str, Any] = {}
    for job in jobs:
        store = Store.open(job.root)
        if store.exists(f"{job.folder}/record.json"):
            lines = store.read_json(f"{job.folder}/{HISTORY}")["lines"]
            untimed = [{name: value for name, value in line.items() if name != "seconds"} for line in lines]
            found[job.name] = (store.read_bytes(f"{job.folder}/{WEIGHTS}"), untimed)
    return found


def obstruct(job: TrainingJob) -> None:
    """Puts a folder in the place of the weights, so that the training fails in the end."""
    Path(job.root, job.folder, WEIGHTS, "folder").mkdir(parents=True)


def clear(job: TrainingJob) -> None:
    shutil.rmtree(Path(job.root, job.folder, WEIGHTS))


def at_first_line(act: Callable[[CodecSpec], None], steps: list[tuple[str, int]] | None = None) -> OnHistoryLine:
    """A report that does something once, and keeps which steps it heard of."""
    heard = [] if steps is None else steps

    def report(spec: CodecSpec, line: HistoryLine) -> None:
        heard.append((spec.name, line.step))
        if len(heard) == 1:
            act(spec)

    return report


def interrupt(spec: CodecSpec) -> None:
    raise KeyboardInterrupt


@pytest.mark.ray
@pytest.mark.slow
def test_command_resumes_a_member_finishes_all_but_one_that_fails_and_that_when_it_is_mended(
    ray_local: None, family: Family, alone: dict[str, Any], tmp_path: Path
) -> None:
    jobs = family.jobs(tmp_path)
    obstruct(jobs[0])
    with pytest.raises(KeyboardInterrupt):
        run_job(jobs[1], at_first_line(interrupt))
    first = family.train(tmp_path)
    assert first.status == 3
    trace = Path(tmp_path, jobs[0].folder, FAILURE)
    said = first.err.splitlines()
    assert said[0] == "3 trainings as Ray trials, 1 CPU each"
    assert sum(text.split()[:2] == ["codec", "step"] for text in said) == 1
    rows = sorted(tuple(text.split()[:2]) for text in said if "/6 " in text)
    whole = [(kind, step) for kind in ("residual", "scalar", "single") for step in ("3/6", "6/6")]
    assert rows == [row for row in whole if row != ("scalar", "3/6")]
    assert said[-1].startswith("failed: tiny-residual: IsADirectoryError: ")
    assert said[-1].endswith(f" {trace}")
    assert "Traceback" in trace.read_text()
    assert "log-spectral distance, dB, of  dev-0  dev-1" in first.out
    assert outcome(jobs) == {name: alone[name] for name in ("tiny-scalar", "tiny-single")}
    clear(jobs[0])
    again = family.train(tmp_path)
    assert (again.status, "Ray" in again.err) == (0, False)
    assert not trace.exists()
    assert outcome(jobs) == alone


@pytest.mark.ray
@pytest.mark.slow
def test_member_whose_process_is_killed_goes_on_in_another(
    ray_local: None, family: Family, alone: dict[str, Any], tmp_path: Path
) -> None:
    jobs, steps = family.jobs(tmp_path)[:1], list[tuple[str, int]]()

    def kill(spec: CodecSpec) -> None:
        [job] = [job for job in jobs if job.name == spec.name]
        holder(Store.open(job.root).uri(f"{job.folder}/{LOCK}")).kill()

    assert train_codecs(jobs, address="local", report=at_first_line(kill, steps)) == {}
    assert outcome(jobs) == {job.name: alone[job.name] for job in jobs}
    assert steps.count(steps[0]) == 1  # the state of that step was there


@pytest.mark.ray
@pytest.mark.slow
def test_trainings_told_to_stop_say_by_what_and_go_on_later(
    ray_local: None, family: Family, alone: dict[str, Any], tmp_path: Path
) -> None:
    jobs, before = family.jobs(tmp_path), signal.getsignal(signal.SIGTERM)
    stop = at_first_line(lambda spec: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
        train_codecs(jobs, address="local", report=stop)
    assert signal.getsignal(signal.SIGTERM) == before
    assert len(outcome(jobs)) < len(jobs)
    assert [run_job(job) for job in jobs] == ["", "", ""]
    assert outcome(jobs) == alone


def holder(lock: str) -> psutil.Process:
    """The process of this test's Ray that holds a lock."""
    for process in psutil.Process().children(recursive=True):
        if any(file.path == lock for file in process.open_files()):
            return process
    raise AssertionError(f"no process holds {lock}")


@pytest.mark.slow
def test_command_without_ray_goes_on_after_a_failure(family: Family, alone: dict[str, Any], tmp_path: Path) -> None:
    jobs = family.jobs(tmp_path)
    obstruct(jobs[0])
    ended = family.train(tmp_path, "--address", "none")
    assert ended.status == 3
    assert "failed: tiny-residual: IsADirectoryError: " in ended.err
    assert outcome(jobs) == {name: alone[name] for name in ("tiny-scalar", "tiny-single")}


@pytest.mark.slow
def test_command_when_all_is_finished_joins_no_ray_and_else_does(family: Family, tmp_path: Path) -> None:
    nowhere = ("--address", "127.0.0.1:1")
    jobs = family.jobs(tmp_path)
    refused = family.train(tmp_path, *nowhere)
    assert (refused.status, "nothing answers at 127.0.0.1:1" in refused.err) == (2, True)
    assert outcome(jobs) == {}
    assert [run_job(job) for job in jobs] == ["", "", ""]
    ended = family.train(tmp_path, *nowhere)
    assert (ended.status, ended.err) == (0, "")
    assert [text.split(":")[0] for text in ended.out.splitlines() if " steps in " in text] == list(MEMBERS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("tiny-single", "--device", "gpu"), "unknown device 'gpu'"),
        (("tiny-single", "--corpus", "nothing.csv"), "corpus 'nothing.csv' is not in"),
        (("tiny-single", "--corpus", "no/such.csv"), "--corpus no/such.csv: there is no such file"),
        (("tiny-triple",), "unknown small codec 'tiny-triple'; did you mean 'tiny-single'?"),
    ],
)
def test_command_called_wrongly_ends_with_two(
    arguments: tuple[str, ...], said: str, family: Family, tmp_path: Path
) -> None:
    where = ("--configs", family.configs, "--root", tmp_path / "results")
    ended = codecgrid("codecs", "train", *arguments, *where)
    assert ended.status == 2
    assert said in ended.err


def test_job_that_another_process_has_is_left_alone(
    family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = family.jobs(tmp_path)[0]
    monkeypatch.setattr("grid.codec_training.training.PATIENCE", 0.1)
    store = Store.open(job.root)
    with store.lock(f"{job.folder}/{LOCK}", timeout=0):
        assert "another process is training it" in run_job(job)
    assert outcome([job]) == {}
    assert not store.exists(f"{job.folder}/{FAILURE}")
