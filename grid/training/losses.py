"""Losses of a detector's outputs: cross-entropies over logits, OC-softmax over cosines. Targets may be soft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from grid.core.errors import RequestError

if TYPE_CHECKING:
    from grid.detectors.contract import Head


@dataclass(frozen=True)
class ClassWeights:
    """How much an error on each class counts; `ClassWeights(bonafide=0.9, spoof=0.1)` is the published AASIST."""

    bonafide: float = 1.0
    spoof: float = 1.0

    def __post_init__(self) -> None:
        if not (self.bonafide >= 0 and self.spoof >= 0 and self.bonafide + self.spoof > 0):
            raise RequestError(f"class weights must not be negative nor both 0: {self}")


@dataclass(frozen=True)
class OneClassMargins:
    """The margins of OC-softmax, cosines to the centre of bona fide speech, and the scale of its exponent.

    The defaults are those of Zhang et al. 2021, which LWBN keeps: m_0 = 0.9, m_1 = 0.2 and alpha = 20 there.
    """

    bonafide: float = 0.9
    spoof: float = 0.2
    scale: float = 20.0

    def __post_init__(self) -> None:
        if not (-1 <= self.spoof < self.bonafide <= 1 and self.scale > 0):
            raise RequestError(f"margins are cosines, that of bona fide the larger, and scale is positive: not {self}")


def cross_entropy(logits: Tensor, targets: Tensor, weights: ClassWeights = ClassWeights()) -> Tensor:
    """The weighted mean cross-entropy of logits `(batch, 2)` (spoof, bona fide) and targets `(batch,)`.

    A target is the probability of bona fide, 0 to 1. The sum of the weighted terms is divided by the sum of the
    weights, so on hard targets it equals torch's `cross_entropy(..., weight=[spoof, bonafide])`.
    """
    _check(logits, targets, 2)
    log_spoof, log_bonafide = functional.log_softmax(logits.float(), dim=1).unbind(1)
    bonafide, spoof = weights.bonafide * targets, weights.spoof * (1 - targets)
    return -(bonafide * log_bonafide + spoof * log_spoof).sum() / (bonafide + spoof).sum()


def class_cross_entropy(logits: Tensor, classes: Tensor, weights: Tensor) -> Tensor:
    """The weighted mean cross-entropy of logits `(batch, classes)` and class numbers `(batch,)`, int64.

    `weights` `(classes,)`; the sum of the weighted terms is divided by the sum of the items' weights.
    """
    return functional.cross_entropy(logits.float(), classes, weight=weights)


def binary_cross_entropy(logits: Tensor, targets: Tensor, weights: ClassWeights = ClassWeights()) -> Tensor:
    """The mean binary cross-entropy of logits `(batch, 1)` and targets `(batch,)`, the probability of bona fide.

    The sum of the weighted terms is divided by the batch size, so with a spoof weight of 1 it equals torch's
    `binary_cross_entropy_with_logits(..., pos_weight=bonafide)`, which X-AASIST is trained with.
    """
    _check(logits, targets, 1)
    logit = logits.float().squeeze(1)
    bonafide, spoof = weights.bonafide * targets, weights.spoof * (1 - targets)
    return -(bonafide * functional.logsigmoid(logit) + spoof * functional.logsigmoid(-logit)).mean()


def oc_softmax(cosines: Tensor, targets: Tensor, margins: OneClassMargins = OneClassMargins()) -> Tensor:
    """One-class softmax of cosines `(batch, layers)` to a centre of bona fide speech and targets `(batch,)`.

    The terms are those of L_OCS in Zhang, Jiang, Duan 2021, "One-class learning towards synthetic voice spoofing
    detection", IEEE Signal Processing Letters: softplus(scale * (margin of bona fide - cosine)) for bona fide and
    softplus(scale * (cosine - margin of spoof)) for spoof. Where theirs is one mean over the batch, LWBN (Xiao and Vu
    2025) takes the mean of each class and adds the two, then adds the layers, so the classes weigh the same for any
    class counts, and a class that the batch lacks adds 0. A target between 0 and 1, the probability of bona fide, is
    the utterance's weight in the mean of bona fide, and its rest that in the mean of spoof.
    """
    _check(cosines, targets, None)
    cosines = cosines.float()
    bonafide = functional.softplus(margins.scale * (margins.bonafide - cosines)).sum(dim=1)
    spoof = functional.softplus(margins.scale * (cosines - margins.spoof)).sum(dim=1)
    return _weighted_mean(bonafide, targets) + _weighted_mean(spoof, 1 - targets)


def detection_loss(
    outputs: Tensor,
    targets: Tensor,
    weights: ClassWeights = ClassWeights(),
    head: Head = "logits",
    margins: OneClassMargins = OneClassMargins(),
) -> Tensor:
    """The loss for a backend's outputs `(batch, outputs)`; `targets` `(batch,)` are probabilities of bona fide.

    Cosines take `oc_softmax`, which balances the classes by itself and ignores `weights`. Two logits take
    `cross_entropy`, one takes `binary_cross_entropy`.
    """
    if head == "cosines":
        return oc_softmax(outputs, targets, margins)
    return (cross_entropy if outputs.shape[1] == 2 else binary_cross_entropy)(outputs, targets, weights)


def _weighted_mean(terms: Tensor, weights: Tensor) -> Tensor:
    """The mean of `terms` with weights that are not negative; 0 where all of them are 0."""
    return (weights * terms).sum() / weights.sum().clamp(min=torch.finfo(weights.dtype).tiny)


def _check(outputs: Tensor, targets: Tensor, logits: int | None) -> None:
    """`logits`: the number of logits; None for cosines, of which there may be any number."""
    if outputs.ndim != 2 or logits not in (None, outputs.shape[1]) or targets.shape != outputs.shape[:1]:
        kind = "cosines (batch, layers)" if logits is None else f"logits (batch, {logits})"
        raise RequestError(
            f"this loss takes {kind} and targets (batch,), not {tuple(outputs.shape)} and {tuple(targets.shape)}"
        )
    if not torch.is_floating_point(targets):
        raise RequestError(f"targets are probabilities of bona fide as floating point, not {targets.dtype}")
