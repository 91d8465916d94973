"""Steps of the optimiser: its kind, the encoder's rate, batches whose gradients add up, and clipping."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from grid.config.optimisation import Optimiser
from grid.detectors.network import Detector, build_detector
from grid.detectors.spec import parse_detector_spec
from grid.training.optimiser import backward_and_step, build_optimiser, set_learning_rate
from tests.support.tiny_encoders import TINY_XLSR, noise


def detector(*, frozen: bool = False) -> Detector:
    """A mean pool, without batch norm, on a tiny encoder without dropout."""
    options: dict[str, Any] = {"configuration": TINY_XLSR, "weights": "random", "frozen": frozen}
    options |= {} if frozen else {"dropout": 0.0, "layerdrop": 0.0}
    values = {"name": "x", "frontend": {"name": "ssl", "options": options}, "backend": {"name": "mean-pool"}}
    return build_detector(parse_detector_spec(values), seed=0)


def loss_of(model: Detector, waveforms: Tensor) -> Tensor:
    return torch.nn.functional.cross_entropy(model(waveforms), torch.zeros(len(waveforms), dtype=torch.int64))


def trained(options: Optimiser, batches: list[Tensor], model: Detector | None = None) -> Detector:
    model = model or detector()
    optimiser = build_optimiser(options, model)
    for step, batch in enumerate(batches):
        set_learning_rate(optimiser, options, options.learning_rate)
        backward_and_step(optimiser, options, loss_of(model, batch), step=step, steps=len(batches))
    return model


def weights(model: Detector) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({}, torch.optim.Adam),
        ({"kind": "adamw"}, torch.optim.AdamW),
        ({"kind": "sgd", "momentum": 0.9, "nesterov": True}, torch.optim.SGD),
    ],
)
def test_kinds_are_those_of_torch(values: dict[str, Any], kind: type[torch.optim.Optimizer]) -> None:
    options = Optimiser(learning_rate=0.01, weight_decay=0.1, **values)
    model, batches = detector(), [noise(2, 4000), noise(4, 4000)[2:]]
    momentum = {name: values[name] for name in ("momentum", "nesterov") if name in values}
    optimiser = kind(model.parameters(), lr=0.01, weight_decay=0.1, **momentum)  # type: ignore[call-arg]
    for batch in batches:
        optimiser.zero_grad()
        loss_of(model, batch).backward()
        optimiser.step()
    assert torch.equal(weights(trained(options, batches)), weights(model))


def test_batches_add_up_to_the_step_of_one_large_batch() -> None:
    waveforms = noise(5, 4000)
    options = Optimiser(kind="sgd", learning_rate=0.5)
    small = trained(options.model_copy(update={"batches_per_step": 2}), list(waveforms.split(1)))
    large = trained(options, [waveforms[:2], waveforms[2:4], waveforms[4:]])  # the last group is smaller
    assert torch.allclose(weights(small), weights(large), atol=1e-5)
    assert not torch.allclose(weights(small), weights(detector()), atol=1e-3)


def test_encoder_learns_at_its_part_of_the_rate() -> None:
    options = Optimiser(kind="sgd", learning_rate=0.5)
    start, plain, slow = (
        dict(model.named_parameters())
        for model in (
            detector(),
            trained(options, [noise(2, 4000)]),
            trained(options.model_copy(update={"encoder_factor": 0.1}), [noise(2, 4000)]),
        )
    )
    for name, value in start.items():
        factor = 0.1 if name.startswith("frontend.") else 1.0
        assert torch.allclose(slow[name] - value, factor * (plain[name] - value), atol=1e-6), name


def test_a_frozen_encoder_leaves_one_group_of_weights() -> None:
    options = Optimiser(learning_rate=0.1, encoder_factor=0.1)
    model = trained(options, [noise(2, 4000)], detector(frozen=True))
    (group,) = build_optimiser(options, model).param_groups
    assert len(group["params"]) == 2


def test_a_long_gradient_is_scaled_to_the_largest_norm() -> None:
    options = Optimiser(kind="sgd", learning_rate=1.0, largest_norm=0.001)
    moved = weights(trained(options, [noise(2, 4000)])) - weights(detector())
    assert moved.norm().item() == pytest.approx(0.001, rel=0.02)
    loose = options.model_copy(update={"largest_norm": 1e6})
    free = options.model_copy(update={"largest_norm": None})
    assert torch.equal(weights(trained(loose, [noise(2, 4000)])), weights(trained(free, [noise(2, 4000)])))
