"""Losses against torch on hard targets, and what soft targets and weights mean."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from grid.errors import RequestError
from grid.losses import ClassWeights, binary_cross_entropy, cross_entropy, detection_loss

HARD = torch.tensor([1.0, 0.0, 0.0, 1.0, 0.0])


def logits(outputs: int) -> torch.Tensor:
    return torch.randn(5, outputs, generator=torch.Generator().manual_seed(1), requires_grad=True)


@pytest.mark.parametrize("weights", [ClassWeights(), ClassWeights(bonafide=0.9, spoof=0.1)])
def test_cross_entropy_hard_targets_equals_torch(weights: ClassWeights) -> None:
    given = logits(2)
    expected = functional.cross_entropy(given, HARD.long(), weight=torch.tensor([weights.spoof, weights.bonafide]))
    assert torch.allclose(cross_entropy(given, HARD, weights), expected)


@pytest.mark.parametrize("pos_weight", [1.0, 4.0])
def test_binary_cross_entropy_hard_targets_equals_torch(pos_weight: float) -> None:
    given = logits(1)
    expected = functional.binary_cross_entropy_with_logits(given.squeeze(1), HARD, pos_weight=torch.tensor(pos_weight))
    assert torch.allclose(binary_cross_entropy(given, HARD, ClassWeights(bonafide=pos_weight)), expected)


def test_binary_cross_entropy_soft_targets_equals_torch() -> None:
    given, soft = logits(1), torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])
    expected = functional.binary_cross_entropy_with_logits(given.squeeze(1), soft)
    assert torch.allclose(binary_cross_entropy(given, soft), expected)


def test_cross_entropy_soft_targets_equals_torch_probabilities() -> None:
    given, soft = logits(2), torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])
    expected = functional.cross_entropy(given, torch.stack([1 - soft, soft], dim=1))
    assert torch.allclose(cross_entropy(given, soft), expected)


@pytest.mark.parametrize("outputs", [1, 2])
def test_gradient_at_the_soft_target_vanishes(outputs: int) -> None:
    # p(bona fide) = sigmoid(1) for logits (0, 1) as for the single logit 1
    given = torch.tensor([[0.0, 1.0][-outputs:]], requires_grad=True)
    detection_loss(given, torch.sigmoid(torch.tensor([1.0]))).backward()
    assert given.grad is not None
    assert given.grad.abs().max() < 1e-6


@pytest.mark.parametrize("outputs", [1, 2])
def test_large_logits_stay_finite(outputs: int) -> None:
    given = torch.full((2, outputs), 1e4, requires_grad=True)
    assert torch.isfinite(detection_loss(given, torch.tensor([0.0, 1.0])))


def test_wrong_shapes_and_integer_targets_are_named() -> None:
    with pytest.raises(RequestError, match=r"logits \(batch, 2\)"):
        cross_entropy(logits(1), HARD)
    with pytest.raises(RequestError, match=r"not \(5, 1\) and \(5, 1\)"):
        binary_cross_entropy(logits(1), HARD.unsqueeze(1))
    with pytest.raises(RequestError, match=r"int64"):
        cross_entropy(logits(2), HARD.long())


def test_negative_class_weight_is_refused() -> None:
    with pytest.raises(RequestError, match="negative"):
        ClassWeights(spoof=-0.1)
