"""Owns the fixtures that every test may use: where the shared speech and weights lie, and one small Ray for all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.places import REPOSITORY, SHARED


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


@pytest.fixture(scope="session")
def ray_variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a driver with a home and a token of its own, whose workers find the faulty codecs."""
    from tests.support.faulty_codecs import install_faulty_codecs

    home = tmp_path_factory.mktemp("home")
    site = install_faulty_codecs(tmp_path_factory.mktemp("site"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    own = {
        "HOME": str(home),
        "RAY_AUTH_TOKEN_PATH": str(home / "token"),
        "PYTHONPATH": os.pathsep.join([str(site), str(REPOSITORY)]),
        "HF_HUB_OFFLINE": "1",
    }
    return kept | own


@pytest.fixture(scope="session")
def ray_local(ray_variables: dict[str, str]) -> Iterator[None]:
    """A Ray of two CPUs inside this process; `session("local")` joins it. Starting one takes ten seconds or more."""
    from cluster.runtime.session import session

    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(ray_variables)
    # a short folder, for the path of a socket holds 107 bytes
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        try:
            with session("local", cpus=2, object_store_bytes=100_000_000, temporary=Path(folder)):
                yield
        finally:
            os.environ.clear()
            os.environ.update(before)
