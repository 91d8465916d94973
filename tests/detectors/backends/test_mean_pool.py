"""The mean pool: its formula, its count, and any number of frames."""

from __future__ import annotations

import pytest
import torch

from grid.detectors.backends.mean_pool import MeanPoolOptions
from grid.detectors.contract import BACKENDS, Features
from tests.support.pseudo_random import pseudo_random


@pytest.mark.parametrize("outputs", [1, 2])
def test_logits_are_a_linear_map_of_the_mean_frame(outputs: int) -> None:
    backend = BACKENDS.get("mean-pool")(MeanPoolOptions(outputs=outputs))  # type: ignore[arg-type]
    head = backend.build(Features("frames", size=16))
    frames = pseudo_random((3, 9, 16), 0).requires_grad_()
    expected = sum(frames[:, t] @ head.out_layer.weight.T for t in range(9)) / 9 + head.out_layer.bias
    logits = head(frames)
    assert logits.shape == (3, backend.outputs)
    assert torch.allclose(logits, expected, atol=1e-6)
    logits.sum().backward()
    assert frames.grad is not None
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in head.parameters())
    assert head(frames[:, :1]).shape == (3, outputs)


def test_count_is_that_of_antideepfake() -> None:
    # nii-yamagishilab/AntiDeepfake@07e1de1 models/W2V.py: proj_fc, Linear(1024, 2), on MMS-300M
    head = BACKENDS.get("mean-pool")(MeanPoolOptions()).build(Features("frames", size=1024))
    assert sum(parameter.numel() for parameter in head.parameters()) == 2 * 1024 + 2
