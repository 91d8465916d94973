"""Isolated codecs in Ray Data: over the bridge in an ordinary worker, and under the environment's own Python."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.runtime.worker_python import under_own_python
from grid.codecs.catalogue import load_catalogue
from grid.codecs.contract import ADAPTERS
from grid.codecs.isolation.building import VARIABLE, build_environment
from grid.codecs.isolation.declaration import declaration
from tests.support.places import REPOSITORY
from tests.support.tiny_environment import MODULE, make_tiny

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.fixture(params=[False, True], ids=["bridge", "own-python"])
def own_python(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ray_local: None
) -> Iterator[bool]:
    made = make_tiny(tmp_path, ray=request.param)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "environments"))
    monkeypatch.syspath_prepend(str(made.site))
    load_catalogue.cache_clear()
    build_environment(declaration("tiny"))
    yield bool(request.param)
    load_catalogue.cache_clear()
    sys.modules.pop(MODULE, None)
    ADAPTERS._found.pop("tiny-codec", None)


def test_operator_runs_where_the_declaration_says_and_codes(own_python: bool, tmp_path: Path) -> None:
    import os

    import ray

    class Coder:
        def __call__(self, batch: dict[str, list[int]]) -> dict[str, list[object]]:
            import numpy as np

            from grid.codecs.catalogue import build

            adapter = build("tiny").adapter
            coded = adapter.code(np.full((1, 4), 2, np.float32), [0]).ravel().tolist()
            return {"prefix": [sys.prefix], "adapter": [type(adapter).__name__], "coded": [coded]}

    own = under_own_python("tiny").get("runtime_env", {})
    assert bool(own) == own_python
    ours = own.get("env_vars", {}).get("PYTHONPATH") or str(REPOSITORY)
    variables = {VARIABLE: os.environ[VARIABLE], "PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), ours])}
    runtime = {**own, "env_vars": variables}
    pool = ray.data.ActorPoolStrategy(min_size=1, max_size=2)
    data = ray.data.from_items([{"i": 0}]).map_batches(Coder, batch_size=1, compute=pool, runtime_env=runtime)
    (row,) = data.iter_rows()
    folder = str(build_environment(declaration("tiny")).folder)
    assert (row["prefix"] == folder) == own_python
    assert row["adapter"] == ("TinyAdapter" if own_python else "IsolatedAdapter")
    assert list(row["coded"]) == [1.0, 1.0, 1.0, 1.0]
