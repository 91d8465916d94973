"""How tests are distributed to workers, and fixtures for all tests: where the shared speech and weights lie."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import SHARED

# One thread for each process of a test, before torch is imported: small tensors gain nothing from more, and the tests
# of the other pytest worker use the other core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

FIRST = ("tests/cluster/", "tests/codec_training/", "tests/training/", "tests/codecs/isolation/", "tests/analysis/")
"""What takes long, and so begins first; the rest follows as pytest finds it, and evens out the end."""
TOGETHER = {
    "jobs": (
        "tests/cluster/test_job",
        "tests/cluster/test_submission",
        "tests/cluster/test_slurm",
        "tests/cluster/runtime/",
    ),
    "ray": ("tests/cluster/stages/", "tests/cluster/test_"),
}
"""Files that share a fixture which is slow to set up, `head` or `ray_local`: one worker takes all of them."""


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


def _present(folder: Path) -> Path:
    if not folder.is_dir():
        pytest.skip(f"needs ../shared/{folder.name}")
    return folder
