"""Averages of weights against torch's own, and recomputed batch norm statistics."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from grid.detectors.gang_forward import SeparateForward
from grid.detectors.network import Detector
from grid.detectors.spec import InputSpec
from grid.training.weight_averaging import Average, recalibrate


def state(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_average_of_states_is_that_of_torch() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    reference = AveragedModel(model)
    found: dict[str, torch.Tensor] = {}
    for count in range(5):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter))
        reference.update_parameters(model)
        found = Average(found, count).with_one_more(state(model))
    for name, value in reference.module.state_dict().items():
        torch.testing.assert_close(found[name], value)


def test_a_counter_in_the_state_is_the_newest() -> None:
    old, new = {"steps": torch.tensor(3)}, {"steps": torch.tensor(8)}
    assert Average(old, 1).with_one_more(new) == new


def test_recalibrated_statistics_are_those_of_the_batches() -> None:
    norm = nn.BatchNorm1d(4)
    norm.running_mean.fill_(9.0)  # type: ignore[union-attr]
    detector = Detector(InputSpec(), nn.Identity(), nn.Sequential(norm, nn.Linear(4, 1)), outputs=1)
    torch.manual_seed(1)
    batches = [torch.randn(16, 4) + 2 for _ in range(3)]
    recalibrate(detector, SeparateForward(), batches)
    expected = torch.stack([batch.mean(0) for batch in batches]).mean(0)
    torch.testing.assert_close(norm.running_mean, expected)
