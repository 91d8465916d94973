"""A store with renditions and MLflow's tables of the made-up experiment; and MLflow's server over finished cells."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cluster.tracking.client import connect, tracking_uri
from cluster.tracking.server import Server, serve
from grid.core.store import Store
from tests.support.mirrored import CELLS, EXPERIMENT, mirror
from tests.support.tracking_cells import write_done, write_renditions


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with renditions and MLflow's empty tables, which take 2.5 s to make."""
    root = tmp_path_factory.mktemp("template") / "root"
    store = Store.open(root)
    write_renditions(store)
    connect(tracking_uri(EXPERIMENT, store)).get_experiment_by_name("made-up")
    return root


@pytest.fixture
def store(template: Path, tmp_path: Path) -> Store:
    shutil.copytree(template, tmp_path / "root")
    return Store.open(tmp_path / "root")


@dataclass(frozen=True)
class Served:
    """A store of five finished cells, and MLflow's server over its database."""

    store: Store
    server: Server


@pytest.fixture(scope="session")
def served(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """MLflow's real server, which takes 15 s of processor time to start; it has to end with its block."""
    root = tmp_path_factory.mktemp("served") / "root"
    shutil.copytree(template, root)
    store = Store.open(root)
    for job in CELLS:
        write_done(store, job)
    assert mirror(store).sync().failed_reason == ""
    with serve(EXPERIMENT, store) as server:
        yield Served(store, server)
    assert server.process.poll() is not None
