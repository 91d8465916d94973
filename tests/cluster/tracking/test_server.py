"""Tests of cluster.tracking.server: MLflow's real server, on the loopback."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from cluster.tracking.mirror import Mirror
from cluster.tracking.results import results_from_mlflow
from cluster.tracking.server import serve
from grid.analysis.results import results_from_store
from grid.core.errors import RequestError
from grid.core.store import Store
from tests.cluster.tracking.conftest import Served
from tests.support.mirrored import CELLS
from tests.support.tracking_cells import made_up_experiment


@pytest.mark.slow
def test_serve_answers_with_the_experiment(served: Served) -> None:
    address = f"{served.server.address}/api/2.0/mlflow/experiments/get-by-name?experiment_name=made-up"
    with urllib.request.urlopen(address, timeout=20) as answer:
        assert json.load(answer)["experiment"]["name"] == "made-up"


@pytest.mark.slow
def test_over_http_as_over_sqlite_there_is_nothing_to_do_and_the_results_are_the_store_s(served: Served) -> None:
    over_http = made_up_experiment(tracking_uri=served.server.address)
    assert Mirror(over_http, CELLS, served.store).sync().unchanged == 5
    found = results_from_mlflow(over_http, CELLS, served.server.address)
    assert found == results_from_store(served.store, over_http, CELLS)


@pytest.mark.slow
def test_mirror_over_http_creates_runs_and_prints_nothing(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    another = made_up_experiment(name="another", tracking_uri=served.server.address)
    assert Mirror(another, CELLS[:1], served.store).sync().created == 1
    assert capsys.readouterr().out == ""  # MLflow itself would print where to view each run
    found = results_from_mlflow(another, CELLS[:1], served.server.address)
    assert found == results_from_store(served.store, another, CELLS[:1])


def test_serve_experiment_with_a_server_says_where_it_is(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="open http://mlflow:5000"):
        serve(made_up_experiment(tracking_uri="http://mlflow:5000"), Store.open(tmp_path))
