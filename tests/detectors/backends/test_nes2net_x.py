"""Nes2Net-X: golden logits of the authors' class, the published counts, gradients, lengths, sizes that do not fit."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from grid.core.errors import RequestError
from grid.detectors.backends.nes2net_x import Nes2NetXOptions
from grid.detectors.contract import BACKENDS, Features
from grid.detectors.networks.nes2net_x import Nes2NetXNetwork
from grid.detectors.spec import parse_detector_spec
from tests.support.pseudo_random import pseudo_random, pseudo_random_state
from tests.support.tiny_encoders import TINY_XLSR

# Golden logits: Nested_Res2Net_TDNN of Liu-Tianchi/Nes2Net_ASVspoof_ITW@43d01b9 model_scripts/wav2vec2_Nes2Net_X.py
# with Nes_ratio [8, 8], SE_ratio [1], pool_func mean and `pseudo_random_state` of our names, in eval mode, on
# `pseudo_random((2, frames, size), 1)`; float32, CPU, torch 2.11. For size 128 its last two layers, which are 1,024
# wide whatever the input, were replaced by the same of 128.
GOLDEN = [
    (1024, 201, 2, [[2.4966640, -0.8314431], [2.6930838, -0.8124746]]),
    (128, 40, 2, [[-0.3799060, 0.8184839], [-0.4255094, 0.6723799]]),
    (128, 40, 1, [[-0.3781822, 0.8206240], [-0.4247860, 0.6714692]]),
]


def network(size: int, **options: Any) -> Nes2NetXNetwork:
    made = BACKENDS.get("nes2net-x")(Nes2NetXOptions(**options)).build(Features("frames", size=size))
    assert isinstance(made, Nes2NetXNetwork)
    return made


@pytest.mark.parametrize(("size", "frames", "dilation", "logits"), GOLDEN)
def test_authors_class_gave_the_same_logits(size: int, frames: int, dilation: int, logits: list[list[float]]) -> None:
    head = network(size, dilation=dilation).eval()
    head.load_state_dict(pseudo_random_state(head.state_dict()))
    with torch.no_grad():
        given = head(pseudo_random((2, frames, size), 1))
    assert (given - torch.tensor(logits)).abs().max() < 1e-5


@pytest.mark.parametrize(("size", "parameters"), [(1024, 512_039), (768, 291_019)])
def test_counts_are_the_published_ones(size: int, parameters: int) -> None:
    # Liu et al. 2025: 511 k and 290 k "back-end parameters" (in whole kilos); counted in the class above.
    assert sum(parameter.numel() for parameter in network(size).parameters()) == parameters


@pytest.mark.parametrize("outputs", [1, 2])
def test_declared_outputs_and_a_gradient_for_every_parameter(outputs: int) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = network(16, groups=4, scale=4, outputs=outputs)
    frames = torch.randn(6, 20, 16, generator=torch.Generator().manual_seed(7)).requires_grad_()
    logits = head(frames)
    assert logits.shape == (6, outputs)
    logits.square().sum().backward()
    assert frames.grad is not None
    assert frames.grad.any(dim=(0, 1)).all()
    assert not [name for name, value in head.named_parameters() if value.grad is None or not value.grad.any()]


def test_any_number_of_frames_and_no_dependence_on_the_batch() -> None:
    head, frames = network(64).eval(), pseudo_random((3, 30, 64), 0)
    assert head(frames[:, :1]).isfinite().all()
    alone = torch.cat([head(frames[index : index + 1]) for index in range(3)])
    assert torch.allclose(head(frames), alone, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"splits a frame into 64 parts \(groups 8 x scale 8\), but the frontend's frames have 32 values; choose"),
        ({"groups": 4, "scale": 4, "kernel": 2}, "kernel must be odd, not 2"),
        ({"groups": 4, "scale": 4, "squeeze_ratio": 3}, "squeeze_ratio 3 does not divide the 8 values of a group"),
    ],
)
def test_sizes_that_do_not_fit_are_refused_before_anything_is_built(options: dict[str, Any], message: str) -> None:
    values = {
        "name": "x",
        "frontend": {"name": "ssl", "options": {"configuration": TINY_XLSR, "weights": "random"}},
        "backend": {"name": "nes2net-x", "options": options},
    }
    with pytest.raises(RequestError, match=message):
        parse_detector_spec(values)
