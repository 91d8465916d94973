"""Losses against torch and published code on hard targets; the effect of soft targets, weights and margins."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from grid.core.errors import RequestError
from grid.training.losses import (
    ClassWeights,
    OneClassMargins,
    binary_cross_entropy,
    cross_entropy,
    detection_loss,
    oc_softmax,
)

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


@pytest.mark.parametrize("pos_weight", [1.0, 4.0])
def test_binary_cross_entropy_soft_targets_equals_torch(pos_weight: float) -> None:
    given, soft = logits(1), torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])
    expected = functional.binary_cross_entropy_with_logits(given.squeeze(1), soft, pos_weight=torch.tensor(pos_weight))
    assert torch.allclose(binary_cross_entropy(given, soft, ClassWeights(bonafide=pos_weight)), expected)


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


def cosines() -> torch.Tensor:
    return torch.sin(0.9 * torch.arange(1, 21, dtype=torch.float64)).float().view(5, 4).requires_grad_()


@pytest.mark.parametrize(
    ("targets", "golden", "gradient_norm"),
    [
        ([1, 0, 0, 1, 0], 57.736031, 27.240566),
        ([1, 1, 1, 1, 1], 73.134430, 16.252592),
        ([0, 0, 0, 0, 0], 18.926605, 11.943069),
    ],
)
def test_oc_softmax_hard_targets_equals_the_published_code(
    targets: list[int], golden: float, gradient_norm: float
) -> None:
    # Golden values: OCSoftmaxK of XIAOYixuan/IMS-ADD@8bc6e98 (onebit/loss/ocsoftmaxK.py) on these cosines. The last
    # two lack a class.
    given = cosines()
    loss = oc_softmax(given, torch.tensor(targets, dtype=torch.float32))
    loss.backward()
    assert loss.item() == pytest.approx(golden, rel=1e-6)
    assert given.grad is not None
    assert given.grad.norm().item() == pytest.approx(gradient_norm, rel=1e-6)


def test_oc_softmax_soft_targets_are_weights_of_two_means() -> None:
    given, soft = cosines().detach(), [0.0, 0.25, 0.5, 0.75, 1.0]
    bonafide = [sum(math.log1p(math.exp(20 * (0.9 - c))) for c in row) for row in given.tolist()]
    spoof = [sum(math.log1p(math.exp(20 * (c - 0.2))) for c in row) for row in given.tolist()]
    expected = sum(t * loss for t, loss in zip(soft, bonafide, strict=True)) / sum(soft)
    expected += sum((1 - t) * loss for t, loss in zip(soft, spoof, strict=True)) / sum(1 - t for t in soft)
    assert oc_softmax(given, torch.tensor(soft)).item() == pytest.approx(expected, rel=1e-6)


def test_oc_softmax_does_not_depend_on_the_class_counts() -> None:
    given = cosines().detach()
    more = torch.cat([given, *[given[HARD == 0]] * 9])
    targets = torch.cat([HARD, torch.zeros(len(more) - len(given))])
    assert torch.allclose(oc_softmax(more, targets), oc_softmax(given, HARD))


def test_oc_softmax_draws_bonafide_to_the_centre_and_spoof_away() -> None:
    given = torch.zeros(5, 3, requires_grad=True)
    oc_softmax(given, HARD).backward()
    assert given.grad is not None
    assert (given.grad[HARD == 1] < 0).all()
    assert (given.grad[HARD == 0] > 0).all()


def test_oc_softmax_saturated_cosines_and_rounding_above_one_stay_finite() -> None:
    given = torch.tensor([[1.000001], [-1.000001], [1.000001], [-1.000001]], requires_grad=True)
    loss = oc_softmax(given, torch.tensor([1.0, 1.0, 0.0, 0.0]), OneClassMargins(scale=1e4))
    loss.backward()
    assert given.grad is not None
    assert torch.isfinite(loss)
    # of the two of each class the wrong one pulls with scale / 2, the right one not at all
    assert torch.allclose(given.grad.flatten(), torch.tensor([0.0, -5e3, 5e3, 0.0]))


def test_detection_loss_follows_the_head_not_the_number_of_outputs() -> None:
    given, margins = torch.tanh(logits(2)), OneClassMargins(bonafide=0.8, spoof=-0.1, scale=5.0)
    expected = oc_softmax(given, HARD, margins)
    assert torch.equal(detection_loss(given, HARD, head="cosines", margins=margins), expected)
    assert not torch.allclose(detection_loss(given, HARD), expected)


def test_detection_loss_class_weights_do_not_enter_with_cosines() -> None:
    weighted = detection_loss(cosines(), HARD, ClassWeights(bonafide=0.9, spoof=0.1), "cosines")
    assert torch.equal(weighted, oc_softmax(cosines(), HARD))


def test_wrong_shapes_and_integer_targets_are_named() -> None:
    with pytest.raises(RequestError, match=r"logits \(batch, 2\)"):
        cross_entropy(logits(1), HARD)
    with pytest.raises(RequestError, match=r"not \(5, 1\) and \(5, 1\)"):
        binary_cross_entropy(logits(1), HARD.unsqueeze(1))
    with pytest.raises(RequestError, match=r"int64"):
        cross_entropy(logits(2), HARD.long())
    with pytest.raises(RequestError, match=r"cosines \(batch, layers\).* not \(5,\) and \(5,\)"):
        oc_softmax(HARD, HARD)


def test_negative_class_weight_is_refused() -> None:
    with pytest.raises(RequestError, match="negative"):
        ClassWeights(spoof=-0.1)


@pytest.mark.parametrize("wrong", [{"bonafide": 0.1}, {"bonafide": 1.2}, {"spoof": -1.5}, {"scale": 0.0}])
def test_margins_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(RequestError, match="margins are cosines"):
        OneClassMargins(**wrong)
