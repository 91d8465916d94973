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
from tests.support.tracking_cells import made_up_cells, made_up_experiment, write_done, write_renditions

EXPERIMENT = made_up_experiment()
CELLS = made_up_cells()


@pytest.mark.slow
def test_serve_answers_and_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store.open(tmp_path)
    write_renditions(store)
    write_done(store, CELLS[0])
    Mirror(EXPERIMENT, CELLS, store).sync()
    with serve(EXPERIMENT, store) as server:
        address = f"{server.address}/api/2.0/mlflow/experiments/get-by-name?experiment_name=made-up"
        with urllib.request.urlopen(address, timeout=20) as answer:
            assert json.load(answer)["experiment"]["name"] == "made-up"
        # over HTTP as over SQLite: the mirror has nothing to do, and the results are the store's
        over_http = made_up_experiment(tracking_uri=server.address)
        assert Mirror(over_http, CELLS, store).sync().unchanged == 1
        write_done(store, CELLS[1])
        assert Mirror(over_http, CELLS, store).sync().created == 1
        assert capsys.readouterr().out == ""  # MLflow itself would print where to view each run
        found = results_from_mlflow(over_http, CELLS, server.address)
        assert found == results_from_store(store, EXPERIMENT, CELLS)
    assert server.process.poll() is not None


def test_serve_experiment_with_a_server_says_where_it_is(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="open http://mlflow:5000"):
        serve(made_up_experiment(tracking_uri="http://mlflow:5000"), Store.open(tmp_path))
