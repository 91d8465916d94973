"""Tests of job submission: names, refusals in plain words, and a real job on a real head guarded by a token."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import jobs, submission
from grid.core.errors import MissingRequirementError, RequestError
from grid.experiment.plugin_packages import plugin_folders
from tests.support.command_line import codecgrid
from tests.support.places import EXAMPLE_PLUGIN, REPOSITORY
from tests.support.ray_head import Head, free_port

JOB = """
import sys
from cluster.runtime.session import session
from grid.codecs.catalogue import load_catalogue

with session("local") as here:
    import ray

    print("joined", not here.started, int(here.cpus), ray.get(ray.remote(lambda: 6 * 7).remote()))
    family = ray.remote(lambda: load_catalogue().get("coarse-3bit").family)
    print("family", load_catalogue().get("coarse-3bit").family, ray.get(family.remote()))
print(*sys.argv[1:])
"""


@pytest.fixture(autouse=True)
def _own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("RAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_TOKEN", "a" * 64)
    yield
    monkeypatch.undo()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder to submit: a job of a few lines and a config."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "job.py").write_text(JOB)
    (folder / "demo.yaml").write_text("name: Demo Grid\nseeds: [0]\n")
    return folder


def test_identifier_of_one_config_differs_by_root_and_content_only(work: Path) -> None:
    config = work / "demo.yaml"
    first = submission.identifier(config, "s3://bucket/a")
    assert first.startswith("grid-demo-grid-")
    assert submission.identifier(config, "s3://bucket/b") != first
    config.write_text("# a comment\nname: Demo Grid\nseeds: [0]\n")
    assert submission.identifier(config, "s3://bucket/a") == first
    config.write_text("name: Demo Grid\nseeds: [0, 1]\n")
    assert submission.identifier(config, "s3://bucket/a") != first


def test_submit_of_a_config_outside_the_working_folder_is_refused(work: Path, tmp_path: Path) -> None:
    stray = tmp_path / "stray.yaml"
    stray.write_text("name: stray\n")
    with pytest.raises(RequestError, match="lies outside"):
        submission.submit(stray, root="s3://bucket/a", working_dir=work)


def test_submit_with_a_relative_root_is_refused(work: Path) -> None:
    with pytest.raises(RequestError, match="absolute path, s3:// or gs://"):
        submission.submit(work / "demo.yaml", root="results", working_dir=work)


def test_connect_without_a_dashboard_address_shows_one() -> None:
    with pytest.raises(RequestError, match=r"http://127\.0\.0\.1:8265"):
        jobs.connect("auto")


def test_connect_without_a_token_says_how_to_make_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    with pytest.raises(MissingRequirementError, match="ray get-auth-token --generate"):
        jobs.connect("http://127.0.0.1:8265")


def test_connect_to_nothing_names_the_ways_to_a_head() -> None:
    with pytest.raises(RequestError, match=r"cluster/local\.sh"):
        jobs.connect(f"http://127.0.0.1:{free_port()}")


@pytest.fixture
def joined(head: Head, monkeypatch: pytest.MonkeyPatch) -> Head:
    """A running head, whose token this process shows."""
    monkeypatch.setenv("RAY_AUTH_TOKEN", head.token)
    return head


@pytest.mark.ray
@pytest.mark.jobs
@pytest.mark.slow
def test_submit_to_a_real_head_runs_the_job_and_never_uses_a_name_twice(joined: Head, work: Path) -> None:
    def send(*script: str) -> str:
        return submission.submit(
            work / "demo.yaml",
            root="s3://bucket/a",
            address=joined.address,
            working_dir=work,
            entrypoint=("python", *script),
            variables={"PYTHONPATH": str(REPOSITORY)},
            plugin_folders=plugins,
        )

    plugins = plugin_folders([str(EXAMPLE_PLUGIN)], work)

    at = ("--address", joined.address)
    first = send("job.py")
    pieces: list[str] = []
    jobs.follow(first, pieces.append, address=joined.address)
    log = "".join(pieces)
    assert jobs.status(first, address=joined.address) == "SUCCEEDED", log
    assert "joined True 2 42" in log
    assert "family Coarse Coarse" in log  # the driver and a worker have the plug-in, which is installed nowhere
    assert "demo.yaml --address auto --root s3://bucket/a" in log
    assert first.endswith("-1")
    assert "joined True 2 42" in codecgrid("logs", first, *at).out
    second = send("-c", "import time; print('asleep', flush=True); time.sleep(600)")
    assert second == first.removesuffix("-1") + "-2"
    listed = {job["name"]: job["config"] for job in codecgrid("jobs", *at, "--json").json}
    assert {name: listed[name] for name in (first, second)} == {first: "demo.yaml", second: "demo.yaml"}
    left = leave(joined, second)
    assert left.returncode == 130, left.stderr
    assert left.stdout.endswith("asleep\n")
    assert left.stderr.splitlines()[1:] == [
        f"{second} goes on without this terminal",
        f"follow it: codecgrid logs {second} --address {joined.address} --follow",
        f"stop it:   codecgrid stop {second} --address {joined.address}",
    ]
    assert jobs.status(second, address=joined.address) == "RUNNING"
    latest = first.removesuffix("-1")
    assert codecgrid("stop", latest, *at).out.startswith(f"{second} saves and stops. ")
    deadline = time.monotonic() + 60
    while not jobs.find(latest, address=joined.address).is_over:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert codecgrid("stop", latest, *at).out == f"{second} is over: STOPPED\n"


def leave(head: Head, job: str) -> subprocess.CompletedProcess[str]:
    """Follows a job as a user would, and leaves it with Ctrl-C when it is asleep."""
    command = [sys.executable, "-m", "tasks.cli", "logs", job, "--follow", "--address", head.address]
    variables = head.variables | {"PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=variables, cwd=REPOSITORY, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        seen = ""
        while not seen.endswith("asleep\n"):
            line = process.stdout.readline()
            assert line, "the command ended by itself"
            seen += line
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    return subprocess.CompletedProcess(command, process.returncode, seen + out, err)


@pytest.mark.ray
@pytest.mark.jobs
@pytest.mark.slow
def test_connect_with_another_token_is_refused_with_the_remedy(head: Head, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "b" * 64)
    with pytest.raises(RequestError, match="refuses this machine's token"):
        jobs.connect(head.address)


@pytest.mark.ray
@pytest.mark.jobs
@pytest.mark.slow
def test_status_of_an_unknown_job_is_a_request_error(joined: Head) -> None:
    with pytest.raises(RequestError, match="did not take the request"):
        jobs.status("grid-nothing-00000000-1", address=joined.address)
