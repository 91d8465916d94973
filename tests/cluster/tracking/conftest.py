"""A store with the renditions of the made-up experiment, and with MLflow's tables."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cluster.tracking.client import connect, tracking_uri
from grid.core.store import Store
from tests.support.mirrored import EXPERIMENT
from tests.support.tracking_cells import write_renditions


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
