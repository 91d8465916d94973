"""The two Rays that the tests of this folder share, one in this process and one for jobs; they end with it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.driver_process import driver_variables
from tests.support.elsewhere_package import Elsewhere, make_elsewhere
from tests.support.faulty_codecs import install_faulty_codecs
from tests.support.ray_head import Head, ray_head


@pytest.fixture(scope="package")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Elsewhere:
    """A third party's codecs in an environment of their own, which is not built yet."""
    return make_elsewhere(tmp_path_factory.mktemp("elsewhere"))


@pytest.fixture(scope="package")
def ray_variables(elsewhere: Elsewhere, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a driver with a home and a token of its own, whose workers find the third parties' codecs."""
    home = tmp_path_factory.mktemp("home")
    site = install_faulty_codecs(tmp_path_factory.mktemp("site"))
    return driver_variables(home, site, elsewhere.site) | elsewhere.variables


@pytest.fixture(scope="package")
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


@pytest.fixture(scope="package")
def head(ray_variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    """A running head for jobs, of two CPUs."""
    with ray_head(ray_variables, tmp_path_factory.mktemp("head") / "head.log") as running:
        yield running
