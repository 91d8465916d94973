"""Tests of what a trial asks of Ray."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cluster.stages.training import _request
from grid.config.experiment import Resources


@pytest.mark.parametrize(
    ("resources", "asked"),
    [
        ({}, {"cpu": 1}),
        ({"cpus_per_cell": 2, "gpus_per_cell": 0.5}, {"cpu": 2, "gpu": 0.5}),
        ({"gpus_per_cell": 1, "accelerator": "L40S"}, {"cpu": 1, "gpu": 1, "accelerator_type:L40S": 0.001}),
        ({"gpus_per_codec_worker": 1, "accelerator": "L4"}, {"cpu": 1}),  # the cells run on CPUs
    ],
)
def test_a_trial_asks_for_its_share_and_for_one_kind_of_gpu(resources: dict, asked: dict[str, float]) -> None:
    assert _request(Resources(**resources)) == asked


def test_a_kind_of_gpu_without_a_gpu_is_refused() -> None:
    with pytest.raises(ValidationError, match="accelerator L4: no GPU is asked for; give `gpus_per_cell`"):
        Resources(accelerator="L4")
