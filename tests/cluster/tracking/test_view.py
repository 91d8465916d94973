"""Tests of cluster.tracking.view: the saved view fits MLflow's tags and sorts by the main evaluation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cluster.tracking.view import VIEW_TAG, experiment_tags, main_evaluation

MLFLOW_LIMIT = 20_000
"""Characters in the value of an experiment's tag (mlflow.utils.validation)."""


def state(evaluations: list[str]) -> Any:
    tag = experiment_tags(evaluations, ("selection", "policy", "qua"))[VIEW_TAG]
    assert len(tag) < MLFLOW_LIMIT
    return json.loads(json.loads(tag)["state"])


def test_view_has_the_axes_that_vary_and_every_eer_in_the_order_of_the_experiment() -> None:
    assert state(["T-CoSG", "T-CoRS"])["columnOrder"] == [
        *("params.`selection`", "params.`policy`", "metrics.`eer_percent/T-CoSG`", "metrics.`eer_percent/T-CoRS`"),
        *("metrics.`training/best_dev_eer_percent`", "attributes.`Duration`"),
    ]


@pytest.mark.parametrize(
    ("evaluations", "main"), [(["T-CoSG", "T-CoRS"], "T-CoRS"), (["All", "Clean"], "All"), (["T-CoRS"], "T-CoRS")]
)
def test_main_evaluation_is_t_cors_or_the_first(evaluations: list[str], main: str) -> None:
    assert main_evaluation(evaluations) == main
    assert state(evaluations)["orderByKey"] == f"metrics.`eer_percent/{main}`"


def test_view_of_many_evaluations_shows_the_main_one_alone() -> None:
    metrics = [name for name in state([f"evaluation-{i}" for i in range(300)])["columnOrder"] if "eer_percent/" in name]
    assert metrics == ["metrics.`eer_percent/evaluation-0`"]
