"""Optimisers and schedules: what older recipes wrote stays as it was, and choices without effect are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from grid.config.optimisation import Cosine, Optimiser
from grid.config.recipe import load_recipe
from grid.core.errors import RequestError
from tests.support.tiny_grid import RECIPE, write_yaml


def test_an_optimiser_and_a_schedule_of_before_write_what_they_wrote() -> None:
    assert Optimiser(learning_rate=0.1).model_dump(mode="json") == {
        "learning_rate": 0.1,
        "betas": [0.9, 0.999],
        "weight_decay": 0.0,
    }
    assert Cosine(kind="cosine", floor=0.1).model_dump(mode="json") == {"kind": "cosine", "floor": 0.1}


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "adamw", "betas": (0.9, 0.99), "encoder_factor": 0.05, "batches_per_step": 4, "largest_norm": 1.0},
        {"kind": "sgd", "momentum": 0.9, "nesterov": True, "weight_decay": 0.0001},
    ],
)
def test_what_is_not_a_default_is_written_and_read_again(values: dict[str, Any]) -> None:
    optimiser = Optimiser(learning_rate=0.1, **values)
    written = optimiser.model_dump()
    assert written.items() >= values.items()
    assert ("betas" in written) == (values["kind"] != "sgd")
    assert Optimiser.model_validate(written) == optimiser


@pytest.mark.parametrize(
    ("optimiser", "message"),
    [
        ({"kind": "adan"}, r"tiny\.yaml:\d+: optimiser\.kind: .*'adam', 'adamw' or 'sgd' \(given: 'adan'\)"),
        ({"momentum": 0.9}, r"tiny\.yaml:\d+: optimiser: momentum: does nothing with kind 'adam'; leave it out"),
        ({"kind": "sgd", "betas": [0.9, 0.99]}, r"optimiser: betas: does nothing with kind 'sgd'"),
        ({"kind": "sgd", "nesterov": True}, r"nesterov: true needs a momentum above 0"),
        ({"encoder_factor": 0}, r"optimiser\.encoder_factor: .*greater than 0"),
        ({"batch_per_step": 2}, r"unknown key 'batch_per_step'; did you mean 'batches_per_step'\?"),
    ],
)
def test_wrong_optimisers_name_file_line_and_choices(tmp_path: Path, optimiser: dict[str, Any], message: str) -> None:
    write_yaml(tmp_path / "recipes" / "tiny.yaml", RECIPE | {"optimiser": {"learning_rate": 0.1} | optimiser})
    with pytest.raises(RequestError, match=message):
        load_recipe("tiny", beside=tmp_path)
