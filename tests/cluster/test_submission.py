"""Tests of job submission: names, refusals in plain words, and a real job on a real head guarded by a token."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import submission
from grid.core.errors import MissingRequirementError, RequestError
from tests.support.places import REPOSITORY
from tests.support.ray_head import Head, free_port

JOB = """
import sys
from cluster.runtime.session import session

with session("local") as here:
    import ray

    print("joined", not here.started, int(here.cpus), ray.get(ray.remote(lambda: 6 * 7).remote()))
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
        submission.connect("auto")


def test_connect_without_a_token_says_how_to_make_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    with pytest.raises(MissingRequirementError, match="ray get-auth-token --generate"):
        submission.connect("http://127.0.0.1:8265")


def test_connect_to_nothing_names_the_ways_to_a_head() -> None:
    with pytest.raises(RequestError, match=r"cluster/local\.sh"):
        submission.connect(f"http://127.0.0.1:{free_port()}")


@pytest.fixture
def joined(head: Head, monkeypatch: pytest.MonkeyPatch) -> Head:
    """A running head, whose token this process shows."""
    monkeypatch.setenv("RAY_AUTH_TOKEN", head.token)
    return head


@pytest.mark.ray
@pytest.mark.slow
def test_submit_to_a_real_head_runs_the_job_and_never_uses_an_id_twice(joined: Head, work: Path) -> None:
    def send() -> str:
        return submission.submit(
            work / "demo.yaml",
            root="s3://bucket/a",
            address=joined.address,
            working_dir=work,
            entrypoint=("python", "job.py"),
            variables={"PYTHONPATH": str(REPOSITORY)},
        )

    first = send()
    log = "".join(submission.follow(first, address=joined.address))
    assert submission.status(first, address=joined.address) == "SUCCEEDED", log
    assert "joined True 2 42" in log
    assert "demo.yaml --address auto --root s3://bucket/a" in log
    assert first.endswith("-1")
    second = send()
    assert second == first.removesuffix("-1") + "-2"
    submission.stop(second, address=joined.address)


@pytest.mark.ray
@pytest.mark.slow
def test_connect_with_another_token_is_refused_with_the_remedy(head: Head, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "b" * 64)
    with pytest.raises(RequestError, match="refuses this machine's token"):
        submission.connect(head.address)


@pytest.mark.ray
@pytest.mark.slow
def test_status_of_an_unknown_job_is_a_request_error(joined: Head) -> None:
    with pytest.raises(RequestError, match="did not take the request"):
        submission.status("grid-nothing-00000000-1", address=joined.address)
