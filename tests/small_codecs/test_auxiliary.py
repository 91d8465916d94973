"""Disentanglement: its reversed gradient ends at chance, so that no member can gain by growing without end."""

from __future__ import annotations

import pytest
import torch

from grid.small_codecs.auxiliary import Disentangled
from grid.small_codecs.network import Coded
from grid.small_codecs.quantisers import Quantised
from grid.small_codecs.utterance import SCALARS

WIDTH, SPEAKERS = 4, 3


def coded(latents: torch.Tensor) -> Coded:
    codes = torch.zeros(*latents.shape[:2], 1, dtype=torch.long)
    quantised = Quantised(latents=latents, first=latents, codes=codes, commitment=torch.zeros(()))
    return Coded(torch.zeros(len(latents), 160), quantised, torch.zeros(len(latents), SCALARS))


@pytest.fixture
def objective() -> Disentangled:
    torch.manual_seed(0)
    return Disentangled(WIDTH, SPEAKERS)


def test_codec_is_pushed_to_where_the_classifier_is_more_surprised(objective: Disentangled) -> None:
    speakers = torch.tensor([0])
    with torch.no_grad():
        objective.of_frames.bias.copy_(torch.tensor([2.0, 0.0, 0.0]))  # it is sure of speaker 0
    latents = torch.randn(1, 5, WIDTH, requires_grad=True)
    before = objective(coded(latents), torch.zeros(1, 160), speakers)
    before.backward()
    assert latents.grad is not None
    after = objective(coded(latents - 0.1 * latents.grad), torch.zeros(1, 160), speakers)
    assert float(after.detach()) > float(before.detach())


def test_no_gradient_reaches_the_codec_from_a_crop_that_is_told_no_better_than_by_chance(
    objective: Disentangled,
) -> None:
    with torch.no_grad():
        objective.of_frames.bias.copy_(torch.tensor([3.0, 0.0, 0.0]))
    latents = torch.randn(2, 5, WIDTH, requires_grad=True)
    objective(coded(latents), torch.zeros(2, 160), torch.tensor([0, 1])).backward()
    assert latents.grad is not None
    assert float(latents.grad[0].abs().sum()) > 0
    assert float(latents.grad[1].abs().sum()) == 0


def test_classifier_learns_from_every_crop(objective: Disentangled) -> None:
    with torch.no_grad():
        objective.of_frames.bias.copy_(torch.tensor([3.0, 0.0, 0.0]))
    objective(coded(torch.randn(1, 5, WIDTH)), torch.zeros(1, 160), torch.tensor([1])).backward()
    assert objective.of_frames.bias.grad is not None
    assert float(objective.of_frames.bias.grad[1]) < 0  # a step would raise the right speaker's score
