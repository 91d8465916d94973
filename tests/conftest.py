"""How tests are distributed to workers, and fixtures for all tests: where the shared speech and weights lie."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.gs_server import GsServer, gs_server
from tests.support.places import SHARED
from tests.support.s3_server import S3Server, s3_server

# One thread for each process of a test, before torch is imported: small tensors gain nothing from more, and the tests
# of the other pytest worker use the other core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

FIRST = ("tests/cluster/", "tests/codec_training/", "tests/training/", "tests/codecs/isolation/", "tests/analysis/")
"""What takes long, and so begins first; the rest follows as pytest finds it, and evens out the end."""
TOGETHER = {
    "jobs": ("tests/cluster/test_job", "tests/cluster/test_submission", "tests/cluster/test_slurm"),
    "runs": ("tests/cluster/runtime/", "tests/cluster/test_"),
    "stages": ("tests/cluster/stages/",),
    "server": ("tests/cluster/tracking/test_pages", "tests/cluster/tracking/test_server"),
}
"""Files that share a fixture which is slow to set up: `head`, `ray_local` or `served`. One worker takes all of a group.

Two groups start a Ray each: one after another on a single worker, their tests would take longer than all the others.
"""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts `FIRST` first."""

    def place(item: pytest.Item) -> int:
        return next((rank for rank, start in enumerate(FIRST) if item.nodeid.startswith(start)), len(FIRST))

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Takes all that was imported out of the garbage collector's sight: statsmodels has it collect at every call."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """`-n auto`: one worker for each core, and one more where two of them wait for Ray now and then."""
    return (os.cpu_count() or 1) + ("not ray" not in config.getoption("markexpr"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A worker takes whole files, and of the files in `TOGETHER` all that belong together."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            shared = (name for name, starts in TOGETHER.items() if nodeid.startswith(starts))
            return next(shared, None) or str(super()._split_scope(nodeid))

    return Scheduling(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def shared_speech() -> Path:
    """The folder of real speech with its `protocol.csv`; skips the test where it is absent."""
    return _present(SHARED / "speech")


@pytest.fixture(scope="session")
def shared_weights() -> Path:
    """The folder of pretrained weights (lyra, aasist); skips the test where it is absent."""
    return _present(SHARED / "weights")


@pytest.fixture(scope="session")
def running_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """The S3 server of this test process."""
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def s3(running_s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The S3 server, which boto finds during the test; copies of its files go to a folder of the test."""
    for name, value in running_s3.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CODECGRID_CACHE", str(tmp_path / "cache"))
    return running_s3


@pytest.fixture(scope="session")
def running_gs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GsServer]:
    """The stand-in for Google Cloud Storage of this test process."""
    with gs_server(tmp_path_factory.mktemp("gs")) as server:
        yield server


@pytest.fixture
def gs(running_gs: GsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GsServer:
    """The stand-in for Google Cloud Storage, which gcsfs finds during the test."""
    for name, value in running_gs.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CODECGRID_CACHE", str(tmp_path / "cache"))
    return running_gs


def _present(folder: Path) -> Path:
    if not folder.is_dir():
        pytest.skip(f"needs ../shared/{folder.name}")
    return folder
