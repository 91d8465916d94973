"""Losses over logits: weighted cross-entropy for two of them, binary cross-entropy for one. Targets may be soft."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from grid.errors import RequestError


@dataclass(frozen=True)
class ClassWeights:
    """How much an error on each class counts; `ClassWeights(bonafide=0.9, spoof=0.1)` is the published AASIST."""

    bonafide: float = 1.0
    spoof: float = 1.0

    def __post_init__(self) -> None:
        if not (self.bonafide >= 0 and self.spoof >= 0 and self.bonafide + self.spoof > 0):
            raise RequestError(f"class weights must not be negative nor both 0: {self}")


def cross_entropy(logits: Tensor, targets: Tensor, weights: ClassWeights = ClassWeights()) -> Tensor:
    """The weighted mean cross-entropy of logits `(batch, 2)` (spoof, bona fide) and targets `(batch,)`.

    A target is the probability of bona fide, 0 to 1. The sum of the weighted terms is divided by the sum of the
    weights, so on hard targets it equals torch's `cross_entropy(..., weight=[spoof, bonafide])`.
    """
    _check(logits, targets, 2)
    log_spoof, log_bonafide = functional.log_softmax(logits.float(), dim=1).unbind(1)
    bonafide, spoof = weights.bonafide * targets, weights.spoof * (1 - targets)
    return -(bonafide * log_bonafide + spoof * log_spoof).sum() / (bonafide + spoof).sum()


def binary_cross_entropy(logits: Tensor, targets: Tensor, weights: ClassWeights = ClassWeights()) -> Tensor:
    """The mean binary cross-entropy of logits `(batch, 1)` and targets `(batch,)`, the probability of bona fide.

    The sum of the weighted terms is divided by the batch size, so with a spoof weight of 1 it equals torch's
    `binary_cross_entropy_with_logits(..., pos_weight=bonafide)`, which X-AASIST is trained with.
    """
    _check(logits, targets, 1)
    logit = logits.float().squeeze(1)
    bonafide, spoof = weights.bonafide * targets, weights.spoof * (1 - targets)
    return -(bonafide * functional.logsigmoid(logit) + spoof * functional.logsigmoid(-logit)).mean()


def classification_loss(logits: Tensor, targets: Tensor, weights: ClassWeights = ClassWeights()) -> Tensor:
    """The loss that fits the number of logits: `cross_entropy` for two, `binary_cross_entropy` for one."""
    return (cross_entropy if logits.shape[1] == 2 else binary_cross_entropy)(logits, targets, weights)


def _check(logits: Tensor, targets: Tensor, outputs: int) -> None:
    if logits.ndim != 2 or logits.shape[1] != outputs or targets.shape != logits.shape[:1]:
        raise RequestError(
            f"this loss takes logits (batch, {outputs}) and targets (batch,), "
            f"not {tuple(logits.shape)} and {tuple(targets.shape)}"
        )
    if not torch.is_floating_point(targets):
        raise RequestError(f"targets are probabilities of bona fide as floating point, not {targets.dtype}")
